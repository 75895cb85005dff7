// What differs between the configs of two images.
#include <map>

#include "base/strings.h"
#include "images/image_diff.h"

namespace strata::images {
namespace {

using Fields = std::map<std::string, std::string>;

std::string words(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& word : list) text += (text.empty() ? "\"" : " \"") + word + "\"";
  return text;
}

Fields fields_of(const Image& image) {
  const oci::ImageConfig& config = image.config;
  const oci::ContainerConfig& run = config.config;
  Fields fields{{"Architecture", config.architecture},
                {"Os", config.os},
                {"Variant", config.variant},
                {"Author", config.author},
                {"User", run.user},
                {"WorkingDir", run.working_dir},
                {"StopSignal", run.stop_signal},
                {"Cmd", words(run.cmd)},
                {"Entrypoint", words(run.entrypoint)},
                {"Shell", words(run.shell)},
                {"OnBuild", words(run.on_build)},
                {"Healthcheck", run.healthcheck}};
  for (const std::string& variable : run.env) {
    const auto equals = variable.find('=');
    fields["Env " + variable.substr(0, equals)] = equals == std::string::npos ? "" : variable.substr(equals + 1);
  }
  for (const auto& [key, value] : run.labels) fields["Label " + key] = value;
  for (const std::string& port : run.exposed_ports) fields["ExposedPort " + port] = "yes";
  for (const std::string& volume : run.volumes) fields["Volume " + volume] = "yes";
  std::erase_if(fields, [](const auto& field) {
    return field.second.empty() && !field.first.starts_with("Env ") && !field.first.starts_with("Label ");
  });
  return fields;
}

}  // namespace

std::vector<ConfigDifference> diff_configs(const Image& before, const Image& after) {
  const Fields old_fields = fields_of(before);
  const Fields new_fields = fields_of(after);
  std::map<std::string, ConfigDifference> differences;
  for (const auto& [field, value] : old_fields) {
    const auto found = new_fields.find(field);
    if (found == new_fields.end())
      differences[field] = {field, value, "", false, true};
    else if (found->second != value)
      differences[field] = {field, value, found->second, false, false};
  }
  for (const auto& [field, value] : new_fields)
    if (!old_fields.contains(field)) differences[field] = {field, "", value, true, false};
  std::vector<ConfigDifference> list;
  for (auto& [field, difference] : differences) list.push_back(std::move(difference));
  return list;
}

}  // namespace strata::images
