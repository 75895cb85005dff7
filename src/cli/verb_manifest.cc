// manifest create, annotate, inspect, push, rm: lists of images of several platforms, put together
// here and pushed (images/manifest_list.h). Words and layouts are docker's.
#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "engine/registry_settings.h"
#include "images/manifest_list.h"
#include "oci/manifest.h"
#include "registry/base64.h"
#include "registry/client.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

using images::ListedManifest;
using images::ManifestList;

Result<oci::Reference> reference_of(const std::string& typed) {
  return TRY(oci::Reference::parse(typed), "error parsing name for manifest list {}", typed).with_default_tag();
}

// A client of its own, because --insecure is for this command alone.
Result<std::unique_ptr<registry::Client>> client_of(Context& context, const oci::Reference& reference, bool insecure) {
  registry::Settings settings = engine::registry_settings(context.settings());
  if (insecure) settings.insecure.insert(reference.domain());
  return registry::Client::open(settings);
}

Result<std::optional<ManifestList>> local_list(engine::Engine& engine, const oci::Reference& name) {
  auto list = images::load_manifest_list(engine.store(), name);
  if (list) return std::optional(*std::move(list));
  if (list.error().kind() == ErrorKind::kNotFound) return std::nullopt;
  return std::move(list).take_error();
}

// What docker lets a list say.
bool is_known_platform(const oci::Platform& platform) {
  static constexpr std::string_view kKnown[] = {
      "darwin/386",    "darwin/amd64",  "darwin/arm",   "darwin/arm64", "dragonfly/amd64", "freebsd/386",
      "freebsd/amd64", "freebsd/arm",   "linux/386",    "linux/amd64",  "linux/arm",       "linux/arm64",
      "linux/loong64", "linux/mips",    "linux/mipsle", "linux/mips64", "linux/mips64le",  "linux/ppc64",
      "linux/ppc64le", "linux/riscv64", "linux/s390x",  "netbsd/386",   "netbsd/amd64",    "netbsd/arm",
      "openbsd/386",   "openbsd/amd64", "openbsd/arm",  "plan9/386",    "plan9/amd64",     "solaris/amd64",
      "windows/386",   "windows/amd64", "windows/arm",  "windows/arm64"};
  return std::ranges::find(kKnown, platform.os + "/" + platform.architecture) != std::end(kKnown);
}

std::string indented(std::string_view bytes, int width, char with) {
  return ordered_json::parse(bytes).dump(width, with, false, ordered_json::error_handler_t::replace);
}

// inspect -v: where it came from, its descriptor, its bytes and what they say.
ordered_json verbose_json(const ListedManifest& entry) {
  ordered_json object{{"Ref", entry.source.familiar()}};
  ordered_json& descriptor = object["Descriptor"];
  descriptor["mediaType"] = entry.descriptor.media_type;
  descriptor["digest"] = entry.descriptor.digest.to_string();
  descriptor["size"] = entry.descriptor.size;
  const oci::Platform platform = entry.descriptor.platform.value_or(oci::Platform());
  descriptor["platform"] = {{"architecture", platform.architecture}, {"os", platform.os}};
  if (!platform.os_version.empty()) descriptor["platform"]["os.version"] = platform.os_version;
  if (!entry.os_features.empty()) descriptor["platform"]["os.features"] = entry.os_features;
  if (!platform.variant.empty()) descriptor["platform"]["variant"] = platform.variant;
  object["Raw"] = registry::to_base64(entry.bytes);
  const bool oci = entry.descriptor.media_type == oci::media_type::kOciManifest;
  object[oci ? "OCIManifest" : "SchemaV2Manifest"] = ordered_json::parse(entry.bytes);
  return object;
}

std::string verbose_text(const ordered_json& object) {
  return object.dump(1, '\t', false, ordered_json::error_handler_t::replace) + "\n";
}

// The manifests of a list in a registry.
Result<ManifestList> fetch_members(registry::Client& client, const oci::Reference& name, const oci::Index& index,
                                   std::string_view bytes) {
  const json document = TRY(parse_json(bytes));
  ManifestList members;
  for (std::size_t i = 0; i < index.manifests.size(); ++i) {
    const oci::Descriptor& descriptor = index.manifests[i];
    if (!oci::is_manifest_type(descriptor.media_type)) continue;
    oci::Reference one = name;
    one.digest = descriptor.digest;
    ListedManifest entry = TRY(images::fetch_listed(client, one));
    if (descriptor.platform) entry.descriptor.platform = descriptor.platform;
    if (const json* platform = find(document["manifests"].at(i), "platform"))
      entry.os_features = TRY(strings_member(*platform, "os.features"));
    members.push_back(std::move(entry));
  }
  return members;
}

Result<std::string> remote_text(registry::Client& client, const oci::Reference& name, bool verbose) {
  auto fetched = client.get_manifest(name);
  if (!fetched && fetched.error().kind() == ErrorKind::kNotFound)
    return error(ErrorKind::kNotFound, "no such manifest: {}", name.familiar());
  if (!fetched) return std::move(fetched).take_error();
  const auto parsed = TRY(oci::parse_manifest(fetched->bytes, fetched->media_type), "{}", name.familiar());
  if (const auto* index = std::get_if<oci::Index>(&parsed)) {
    if (!verbose) return indented(fetched->bytes, 3, ' ') + "\n";
    ordered_json all = ordered_json::array();
    for (const ListedManifest& entry : TRY(fetch_members(client, name, *index, fetched->bytes)))
      all.push_back(verbose_json(entry));
    return verbose_text(all);
  }
  if (!verbose) return indented(fetched->bytes, 1, '\t') + "\n";
  return verbose_text(verbose_json(TRY(images::fetch_listed(client, name))));
}

}  // namespace

Result<int> run_manifest_create(Context& context, const Verb& verb, Arguments arguments) {
  bool amend = false, insecure = false;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("-a,--amend", amend, "Amend an existing manifest list");
  options.flag("--insecure", insecure, "Allow communication with an insecure registry");
  options.arguments(names, 2);
  if (!TRY(options.parse(arguments))) return 0;

  const oci::Reference target = TRY(reference_of(names[0]));
  engine::Engine& engine = *TRY(context.engine());
  auto existing = TRY(local_list(engine, target));
  if (existing && !amend)
    return error(ErrorKind::kConflict, "refusing to amend an existing manifest list with no --amend flag");
  ManifestList list = existing ? *std::move(existing) : ManifestList();
  for (std::size_t i = 1; i < names.size(); ++i) {
    const oci::Reference source = TRY(reference_of(names[i]));
    const auto client = TRY(client_of(context, source, insecure));
    ListedManifest entry = TRY(images::fetch_listed(*client, source));
    const auto same = std::ranges::find_if(list, [&](const ListedManifest& other) { return other.source == source; });
    if (same == list.end())
      list.push_back(std::move(entry));
    else
      *same = std::move(entry);
  }
  TRY(images::save_manifest_list(engine.store(), target, list));
  fmt::print("Created manifest list {}\n", target.to_string());
  return 0;
}

Result<int> run_manifest_annotate(Context& context, const Verb& verb, Arguments arguments) {
  std::string os, architecture, variant, os_version;
  std::vector<std::string> features, annotations, names;
  Options options(verb);
  options.value("--os", os, "Set operating system");
  options.value("--arch", architecture, "Set architecture");
  options.value("--variant", variant, "Set architecture variant");
  options.value("--os-version", os_version, "Set operating system version");
  options.list("--os-features", features, "Set operating system feature");
  options.list("--annotation", annotations, "Set an annotation (KEY=VALUE) of the entry");
  options.arguments(names, 2, 2);
  if (!TRY(options.parse(arguments))) return 0;

  const oci::Reference target = TRY(reference_of(names[0]));
  const oci::Reference source = TRY(reference_of(names[1]));
  engine::Engine& engine = *TRY(context.engine());
  auto list = TRY(local_list(engine, target));
  const auto entry = list ? std::ranges::find_if(*list, [&](const auto& one) { return one.source == source; })
                          : ManifestList::iterator();
  if (!list || entry == list->end())
    return error(ErrorKind::kNotFound, "manifest for image {} does not exist in {}", source.familiar(),
                 target.familiar());
  oci::Platform platform = entry->descriptor.platform.value_or(oci::Platform());
  if (!os.empty()) platform.os = os;
  if (!architecture.empty()) platform.architecture = architecture;
  if (!variant.empty()) platform.variant = variant;
  if (!os_version.empty()) platform.os_version = os_version;
  if (!is_known_platform(platform))
    return error(ErrorKind::kInvalidArgument, "manifest entry for image has unsupported os/arch combination: {}/{}",
                 platform.os, platform.architecture);
  for (const std::string& text : features)
    for (const std::string_view feature : split(text, ','))
      if (std::ranges::find(entry->os_features, feature) == entry->os_features.end())
        entry->os_features.emplace_back(feature);
  for (const std::string& annotation : annotations) {
    const auto equals = annotation.find('=');
    if (equals == 0 || equals == std::string::npos)
      return error(ErrorKind::kInvalidArgument, "no key=value: {}", annotation);
    entry->descriptor.annotations[annotation.substr(0, equals)] = annotation.substr(equals + 1);
  }
  entry->descriptor.platform = platform;
  TRY(images::save_manifest_list(engine.store(), target, *list));
  return 0;
}

Result<int> run_manifest_inspect(Context& context, const Verb& verb, Arguments arguments) {
  bool insecure = false, verbose = false;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("--insecure", insecure, "Allow communication with an insecure registry");
  options.flag("-v,--verbose", verbose, "Output additional info including layers and platform");
  options.arguments(names, 1, 2);
  if (!TRY(options.parse(arguments))) return 0;

  const oci::Reference name = TRY(reference_of(names[0]));
  engine::Engine& engine = *TRY(context.engine());
  const auto list = TRY(local_list(engine, name));
  if (names.size() == 2) {
    const oci::Reference source = TRY(reference_of(names[1]));
    const auto entry = list ? std::ranges::find_if(*list, [&](const auto& one) { return one.source == source; })
                            : ManifestList::const_iterator();
    if (!list || entry == list->end()) return error(ErrorKind::kNotFound, "no such manifest: {}", source.familiar());
    fmt::print("{}", verbose ? verbose_text(verbose_json(*entry)) : indented(entry->bytes, 1, '\t') + "\n");
    return 0;
  }
  if (!list) {
    const auto client = TRY(client_of(context, name, insecure));
    fmt::print("{}", TRY(remote_text(*client, name, verbose)));
    return 0;
  }
  if (!verbose) {
    fmt::print("{}\n", images::manifest_list_json(*list));
    return 0;
  }
  ordered_json all = ordered_json::array();
  for (const ListedManifest& entry : *list) all.push_back(verbose_json(entry));
  fmt::print("{}", verbose_text(all));
  return 0;
}

Result<int> run_manifest_push(Context& context, const Verb& verb, Arguments arguments) {
  bool insecure = false, purge = false;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("--insecure", insecure, "Allow push to an insecure registry");
  options.flag("-p,--purge", purge, "Remove the local manifest list after push");
  options.arguments(names, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;

  const oci::Reference target = TRY(reference_of(names[0]));
  engine::Engine& engine = *TRY(context.engine());
  const ManifestList list = TRY(images::load_manifest_list(engine.store(), target));
  const auto client = TRY(client_of(context, target, insecure));
  const oci::Digest digest = TRY(images::push_manifest_list(*client, target, list));
  fmt::print("{}\n", digest.to_string());
  if (purge) TRY(images::remove_manifest_list(engine.store(), target));
  return 0;
}

Result<int> run_manifest_rm(Context& context, const Verb& verb, Arguments arguments) {
  std::vector<std::string> names;
  Options options(verb);
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;
  engine::Engine& engine = *TRY(context.engine());
  std::string errors;
  for (const std::string& name : names) {
    const Result<oci::Reference> target = reference_of(name);
    const Result<> removed = target ? images::remove_manifest_list(engine.store(), *target) : Result<>(target.error());
    if (!removed) errors += (errors.empty() ? "" : "\n") + removed.error().message();
  }
  if (!errors.empty()) return Error(ErrorKind::kNotFound, errors);
  return 0;
}

}  // namespace strata::cli
