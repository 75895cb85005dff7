#include "oci/image_config.h"

#include "base/strings.h"
#include "oci/descriptor_json.h"

namespace strata::oci {
namespace {

// Go writes a set of strings as an object with empty objects as values.
Result<std::set<std::string>> keys_member(const json& object, std::string_view name) {
  std::set<std::string> keys;
  const json* value = find(object, name);
  if (value == nullptr) return keys;
  if (!value->is_object())
    return error(ErrorKind::kCorrupt, "\"{}\" should be an object, not {}", name,
                 value->type_name());
  for (const auto& [key, unused] : value->items()) keys.insert(key);
  return keys;
}

Result<ContainerConfig> container_config_from_json(const json& value) {
  if (!value.is_object()) return error(ErrorKind::kCorrupt, "should be an object");
  ContainerConfig config;
  config.user = TRY(string_member(value, "User"));
  config.working_dir = TRY(string_member(value, "WorkingDir"));
  config.stop_signal = TRY(string_member(value, "StopSignal"));
  config.env = TRY(strings_member(value, "Env"));
  config.entrypoint = TRY(strings_member(value, "Entrypoint"));
  config.cmd = TRY(strings_member(value, "Cmd"));
  config.shell = TRY(strings_member(value, "Shell"));
  config.on_build = TRY(strings_member(value, "OnBuild"));
  config.labels = TRY(string_map_member(value, "Labels"));
  config.exposed_ports = TRY(keys_member(value, "ExposedPorts"));
  config.volumes = TRY(keys_member(value, "Volumes"));
  config.args_escaped = TRY(bool_member(value, "ArgsEscaped"));
  const std::int64_t stop_timeout = TRY(int_member(value, "StopTimeout", -1));
  if (stop_timeout < -1 || stop_timeout > INT32_MAX)
    return error(ErrorKind::kCorrupt, "\"StopTimeout\" is out of range");
  config.stop_timeout = static_cast<int>(stop_timeout);
  if (const json* healthcheck = find(value, "Healthcheck")) {
    if (!healthcheck->is_object())
      return error(ErrorKind::kCorrupt, "\"Healthcheck\" should be an object, not {}",
                   healthcheck->type_name());
    config.healthcheck = healthcheck->dump();
  }
  return config;
}

Result<std::vector<History>> history_from_json(const json& document) {
  std::vector<History> history;
  const json* list = find(document, "history");
  if (list == nullptr) return history;
  if (!list->is_array()) return error(ErrorKind::kCorrupt, "\"history\" should be a list");
  for (const json& element : *list) {
    History entry;
    entry.created = TRY(string_member(element, "created"), "history[{}]", history.size());
    entry.created_by = TRY(string_member(element, "created_by"), "history[{}]", history.size());
    entry.author = TRY(string_member(element, "author"), "history[{}]", history.size());
    entry.comment = TRY(string_member(element, "comment"), "history[{}]", history.size());
    entry.empty_layer = TRY(bool_member(element, "empty_layer"), "history[{}]", history.size());
    history.push_back(std::move(entry));
  }
  return history;
}

Result<std::vector<Digest>> diff_ids_from_json(const json& document) {
  const json* rootfs = find(document, "rootfs");
  if (rootfs == nullptr) return error(ErrorKind::kCorrupt, "\"rootfs\" is missing");
  const std::string type = TRY(string_member(*rootfs, "type", "layers"), "rootfs");
  if (type != "layers")
    return error(ErrorKind::kUnsupported, "rootfs type \"{}\" is not \"layers\"", printable(type));
  std::vector<Digest> diff_ids;
  for (const std::string& text : TRY(strings_member(*rootfs, "diff_ids"), "rootfs")) {
    auto digest = Digest::parse(text);
    if (!digest)
      return std::move(digest)
          .take_error()
          .with_kind(ErrorKind::kCorrupt)
          .with_context(fmt::format("rootfs: diff_ids[{}]", diff_ids.size()));
    diff_ids.push_back(std::move(*digest));
  }
  return diff_ids;
}

Result<ImageConfig> from_json(const json& document) {
  if (!document.is_object()) return error(ErrorKind::kCorrupt, "should be a JSON object");
  ImageConfig image;
  image.created = TRY(string_member(document, "created"));
  image.author = TRY(string_member(document, "author"));
  image.architecture = TRY(string_member(document, "architecture"));
  image.os = TRY(string_member(document, "os"));
  image.variant = TRY(string_member(document, "variant"));
  image.os_version = TRY(string_member(document, "os.version"));
  if (const json* config = find(document, "config"))
    image.config = TRY(container_config_from_json(*config), "config");
  image.diff_ids = TRY(diff_ids_from_json(document));
  image.history = TRY(history_from_json(document));
  return image;
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
  if (!config.healthcheck.empty())
    value["Healthcheck"] = ordered_json::parse(config.healthcheck, nullptr, false);
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
    return error(ErrorKind::kResourceExhausted, "image config of {} bytes: the limit is {} (8 MiB)",
                 bytes.size(), kMaxImageConfigSize);
  const json document = TRY(parse_json(bytes), "image config");
  return from_json(document).context("image config");
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
  for (const Digest& diff_id : diff_ids)
    document["rootfs"]["diff_ids"].push_back(diff_id.to_string());
  document["history"] = ordered_json::array();
  for (const History& entry : history) document["history"].push_back(json_of(entry));
  return dump(document);
}

}  // namespace strata::oci
