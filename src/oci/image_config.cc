#include "oci/image_config.h"

#include "base/json_fields.h"
#include "base/strings.h"
#include "oci/descriptor_json.h"

namespace strata::oci {
namespace {

void read_container_config(JsonFields& in, ContainerConfig& config) {
  in("User", config.user)("WorkingDir", config.working_dir)("StopSignal", config.stop_signal);
  in("Env", config.env)("Entrypoint", config.entrypoint)("Cmd", config.cmd)("Shell", config.shell);
  in("OnBuild", config.on_build)("Labels", config.labels)("ExposedPorts", config.exposed_ports);
  in("Volumes", config.volumes)("ArgsEscaped", config.args_escaped)("StopTimeout", config.stop_timeout);
  in.object("Healthcheck", [&](JsonFields& healthcheck) { config.healthcheck = healthcheck.text(); });
  if (config.stop_timeout < -1) in.fail(error(ErrorKind::kCorrupt, "\"StopTimeout\" is out of range"));
}

void read_history(JsonFields& in, History& entry) {
  in("created", entry.created)("created_by", entry.created_by)("author", entry.author);
  in("comment", entry.comment)("empty_layer", entry.empty_layer);
}

void read_rootfs(JsonFields& in, std::vector<Digest>& diff_ids) {
  std::string type = "layers";
  std::vector<std::string> texts;
  in("type", type)("diff_ids", texts);
  if (type != "layers")
    return in.fail(error(ErrorKind::kUnsupported, "type \"{}\" is not \"layers\"", printable(type)));
  for (const std::string& text : texts) {
    auto digest = Digest::parse(text);
    if (!digest)
      return in.fail(std::move(digest)
                         .take_error()
                         .with_kind(ErrorKind::kCorrupt)
                         .with_context(fmt::format("diff_ids[{}]", diff_ids.size())));
    diff_ids.push_back(std::move(*digest));
  }
}

void read_image(JsonFields& in, ImageConfig& image) {
  in("created", image.created)("author", image.author)("architecture", image.architecture);
  in("os", image.os)("variant", image.variant)("os.version", image.os_version);
  in.object("config", [&](JsonFields& config) { read_container_config(config, image.config); });
  if (!in.has("rootfs")) in.fail(error(ErrorKind::kCorrupt, "\"rootfs\" is missing"));
  in.object("rootfs", [&](JsonFields& rootfs) { read_rootfs(rootfs, image.diff_ids); });
  in.list("history", image.history, read_history);
}

template <class T>
void put(ordered_json& object, const char* name, const T& value) {
  if (!value.empty()) object[name] = value;
}

void put_keys(ordered_json& object, const char* name, const std::set<std::string>& keys) {
  for (const std::string& key : keys) object[name][key] = ordered_json::object();
}

ordered_json json_of(const ContainerConfig& config) {
  ordered_json value = ordered_json::object();
  put(value, "User", config.user);
  put_keys(value, "ExposedPorts", config.exposed_ports);
  put(value, "Env", config.env);
  put(value, "Entrypoint", config.entrypoint);
  put(value, "Cmd", config.cmd);
  if (!config.healthcheck.empty()) value["Healthcheck"] = ordered_json::parse(config.healthcheck, nullptr, false);
  put_keys(value, "Volumes", config.volumes);
  put(value, "WorkingDir", config.working_dir);
  put(value, "Labels", config.labels);
  put(value, "StopSignal", config.stop_signal);
  if (config.stop_timeout >= 0) value["StopTimeout"] = config.stop_timeout;
  put(value, "Shell", config.shell);
  put(value, "OnBuild", config.on_build);
  if (config.args_escaped) value["ArgsEscaped"] = true;
  return value;
}

ordered_json json_of(const History& entry) {
  ordered_json value = ordered_json::object();
  put(value, "created", entry.created);
  put(value, "created_by", entry.created_by);
  put(value, "author", entry.author);
  put(value, "comment", entry.comment);
  if (entry.empty_layer) value["empty_layer"] = true;
  return value;
}

}  // namespace

Result<ImageConfig> ImageConfig::parse(std::string_view bytes) {
  if (bytes.size() > kMaxImageConfigSize)
    return error(ErrorKind::kResourceExhausted, "image config of {} bytes: the limit is {} (8 MiB)", bytes.size(),
                 kMaxImageConfigSize);
  ImageConfig image;
  TRY(read_json_object(bytes, [&](JsonFields& in) { read_image(in, image); }), "image config");
  return image;
}

std::string ImageConfig::to_json() const {
  ordered_json document;
  put(document, "created", created);
  put(document, "author", author);
  document["architecture"] = architecture;
  put(document, "variant", variant);
  document["os"] = os;
  put(document, "os.version", os_version);
  document["config"] = json_of(config);
  document["rootfs"]["type"] = "layers";
  document["rootfs"]["diff_ids"] = ordered_json::array();
  for (const Digest& diff_id : diff_ids) document["rootfs"]["diff_ids"].push_back(diff_id.to_string());
  document["history"] = ordered_json::array();
  for (const History& entry : history) document["history"].push_back(json_of(entry));
  return dump(document);
}

}  // namespace strata::oci
