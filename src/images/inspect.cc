#include "base/json.h"
#include "images/images.h"

namespace strata::images {
namespace {

ordered_json strings(const auto& values) {
  ordered_json list = ordered_json::array();
  for (const auto& value : values) list.push_back(value);
  return list;
}
ordered_json strings_or_null(const std::vector<std::string>& values) {
  return values.empty() ? ordered_json(nullptr) : strings(values);
}
// Docker writes sets as objects with empty members.
ordered_json set_or_null(const std::set<std::string>& values) {
  if (values.empty()) return nullptr;
  ordered_json object = ordered_json::object();
  for (const std::string& value : values) object[value] = ordered_json::object();
  return object;
}

Result<ordered_json> container_config(const oci::ContainerConfig& config) {
  ordered_json object;
  object["Hostname"] = "";
  object["Domainname"] = "";
  object["User"] = config.user;
  for (const char* stream : {"AttachStdin", "AttachStdout", "AttachStderr"}) object[stream] = false;
  if (!config.exposed_ports.empty()) object["ExposedPorts"] = set_or_null(config.exposed_ports);
  for (const char* flag : {"Tty", "OpenStdin", "StdinOnce"}) object[flag] = false;
  object["Env"] = strings_or_null(config.env);
  object["Cmd"] = strings_or_null(config.cmd);
  if (!config.healthcheck.empty()) object["Healthcheck"] = TRY(parse_json(config.healthcheck));
  object["Image"] = "";
  object["Volumes"] = set_or_null(config.volumes);
  object["WorkingDir"] = config.working_dir;
  object["Entrypoint"] = strings_or_null(config.entrypoint);
  object["OnBuild"] = strings_or_null(config.on_build);
  object["Labels"] = config.labels.empty() ? ordered_json(nullptr) : ordered_json(config.labels);
  if (!config.stop_signal.empty()) object["StopSignal"] = config.stop_signal;
  if (!config.shell.empty()) object["Shell"] = strings(config.shell);
  return object;
}

ordered_json familiar(const std::vector<oci::Reference>& references) {
  ordered_json list = ordered_json::array();
  for (const oci::Reference& reference : references) list.push_back(reference.familiar());
  return list;
}

}  // namespace

Result<std::string> inspect_json(const Image& image) {
  ordered_json object;
  object["Id"] = image.id.to_string();
  object["RepoTags"] = familiar(image.tags);
  object["RepoDigests"] = familiar(image.repo_digests);
  object["Parent"] = "";
  object["Comment"] = image.config.history.empty() ? "" : image.config.history.back().comment;
  object["Created"] = image.config.created;
  object["DockerVersion"] = "";
  object["Author"] = image.config.author;
  object["Config"] = TRY(container_config(image.config.config));
  object["Architecture"] = image.config.architecture;
  if (!image.config.variant.empty()) object["Variant"] = image.config.variant;
  object["Os"] = image.config.os;
  object["Size"] = image.size;
  object["VirtualSize"] = image.size;
  object["GraphDriver"] = {{"Data", nullptr}, {"Name", "strata"}};
  object["RootFS"]["Type"] = "layers";
  ordered_json& diff_ids = object["RootFS"]["Layers"] = ordered_json::array();
  for (const oci::Digest& diff_id : image.config.diff_ids) diff_ids.push_back(diff_id.to_string());
  const bool tagged = image.last_tagged != Timestamp();
  object["Metadata"]["LastTagTime"] = tagged ? to_rfc3339(image.last_tagged) : "0001-01-01T00:00:00Z";
  return object.dump(4, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace strata::images
