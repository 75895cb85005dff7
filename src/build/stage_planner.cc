#include "build/stage_planner.h"

#include <algorithm>
#include <cctype>

#include "base/strings.h"
#include "build/dockerfile/shell_lexer.h"
#include "build/exposed_ports.h"
#include "build/history.h"
#include "build/path_pattern.h"

namespace strata::build {
namespace {

using namespace dockerfile;

constexpr std::string_view kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::string_view kProxies[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
                                         "ftp_proxy",  "NO_PROXY",   "no_proxy",    "ALL_PROXY",   "all_proxy"};

std::string join_posix(const std::string& directory, const std::string& name) {
  return clean_path((directory.empty() ? "/" : directory) + "/" + name);
}

// Keeps what a slash or "/." at the end says: that it is a directory.
std::string destination_path(const std::string& working_dir, const std::string& written) {
  const std::string path = written.empty() || written == "." ? "./" : written;
  std::string clean = path.starts_with('/') ? clean_path(path) : join_posix(working_dir, path);
  const bool directory = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..") || path == "..";
  if (directory && clean != "/") clean += '/';
  return clean;
}

bool is_url(std::string_view source) { return source.starts_with("http://") || source.starts_with("https://"); }
bool is_git(std::string_view source) {
  return source.starts_with("git@") || source.starts_with("git://") || source.starts_with("ssh://") ||
         (is_url(source) && (source.ends_with(".git") || source.find(".git#") != std::string_view::npos));
}

// The first line of a heredoc, for titles.
std::string summary(const std::string& text) {
  const std::string_view trimmed = trim(text);
  const std::size_t end = trimmed.find('\n');
  return std::string(trim(trimmed.substr(0, end))) + (end == std::string_view::npos ? "" : "...");
}

}  // namespace

Error StagePlanner::fail(std::string_view message, ErrorKind kind) {
  return error_at(context_.file, current_->range, context_.diagnostics, message, kind);
}
Error StagePlanner::unsupported(std::string_view what) {
  return fail(fmt::format("{} is not supported yet", what), ErrorKind::kUnsupported);
}

std::optional<std::string> StagePlanner::variable(std::string_view name) const {
  const auto found = std::ranges::find(env_, name, [](const auto& e) { return std::string_view(e.first); });
  if (found == env_.end()) return std::nullopt;
  return found->second;
}

void StagePlanner::set_variable(const std::string& name, const std::string& value) {
  const auto found = std::ranges::find(env_, name, [](const auto& e) { return e.first; });
  if (found != env_.end()) {
    found->second = value;
  } else {
    env_.emplace_back(name, value);
  }
}

void StagePlanner::set_config_env(const std::string& name, const std::string& value) {
  for (std::string& entry : config_.config.env)
    if (entry.starts_with(name + "=")) {
      entry = name + "=" + value;
      return;
    }
  config_.config.env.push_back(name + "=" + value);
}

Result<std::string> StagePlanner::expand(const std::string& word) {
  auto expansion =
      dockerfile::expand(word, [this](std::string_view name) { return variable(name); }, {.escape = context_.escape});
  if (!expansion) return fail(expansion.error().message(), expansion.error().kind());
  return std::move(expansion->text);
}

Result<> StagePlanner::expand_all(std::vector<std::string>& words) {
  for (std::string& word : words) word = TRY(expand(word));
  return {};
}

void StagePlanner::add_history(std::string text, bool empty) {
  config_.history.push_back({.created = "",
                             .created_by = std::move(text),
                             .author = "",
                             .comment = std::string(kHistoryComment),
                             .empty_layer = empty});
}

Step& StagePlanner::add_step(std::string command, bool buildkit_suffix) {
  Step step;
  step.source = current_->original;
  step.command = command;
  step.range = current_->range;
  step.history = config_.history.size();
  // Quotes stay in a RUN's title, and what is not set stays as it was written: the shell will see to it.
  const bool run = current_->name == "RUN";
  auto expansion = dockerfile::expand(current_->original, [this](std::string_view name) { return variable(name); },
                                      {.escape = context_.escape, .keep_quotes = run, .keep_unset = run});
  std::string title = expansion ? std::move(expansion->text) : current_->original;
  for (char& c : title) {
    if (std::isspace(static_cast<unsigned char>(c))) break;
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  step.title = (trigger_ ? "ONBUILD " : "") + title;
  add_history(std::move(command) + (buildkit_suffix ? " # buildkit" : ""), false);
  steps_.push_back(std::move(step));
  return steps_.back();
}

void StagePlanner::ensure_path() {
  const auto& env = config_.config.env;
  if (std::ranges::none_of(env, [](const std::string& e) { return e.starts_with("PATH="); }))
    config_.config.env.emplace_back(kDefaultPath);
}

void StagePlanner::start_from_scratch() {
  const oci::Platform& platform = context_.options.platform;
  config_.os = platform.os;
  config_.architecture = platform.architecture;
  config_.variant = platform.variant;
  config_.config.working_dir = "/";
  ensure_path();
  set_variable("PATH", std::string(kDefaultPath.substr(5)));
}

void StagePlanner::start_from(const BaseImage& image) {
  config_ = image.config;
  config_.created.clear();
  triggers_ = std::exchange(config_.config.on_build, {});
  ensure_path();
  for (const std::string& entry : config_.config.env) {
    const std::size_t equals = entry.find('=');
    set_variable(entry.substr(0, equals), equals == std::string::npos ? "" : entry.substr(equals + 1));
  }
}

void StagePlanner::start_from(const StagePlanner& stage) {
  config_ = stage.config_;
  triggers_ = std::exchange(config_.config.on_build, {});
  env_ = stage.env_;
  args_ = stage.args_;
}

Result<> StagePlanner::apply(const Instruction& instruction, bool trigger) {
  current_ = &instruction;
  trigger_ = trigger;
  return std::visit([this](const auto& body) { return on(body); }, instruction.body);
}

std::vector<std::string> StagePlanner::with_shell(const CommandLine& command) const {
  if (!command.shell_form) return command.args;
  std::vector<std::string> out = config_.config.shell;
  if (out.empty()) out = {"/bin/sh", "-c"};
  out.push_back(command.args.empty() ? "" : command.args[0]);
  return out;
}

Result<> StagePlanner::on(const Run& run) {
  if (!run.mounts.empty()) return unsupported("RUN --mount");
  if (!run.devices.empty()) return unsupported("RUN --device");
  if (run.security == "insecure") return unsupported("RUN --security=insecure");
  RunStep step;
  CommandLine command = run.command;
  std::string title_suffix;
  if (!run.heredocs.empty()) {
    if (!command.shell_form || command.args.size() != 1) return fail("heredocs need the shell form of RUN");
    const auto only = parse_heredoc_word(command.args[0]);
    if (only && *only) {
      // "RUN <<EOF" alone: its text is the command, or a script of its own.
      const std::string text = run.heredocs[0].text();
      title_suffix = " (" + summary(text) + ")";
      if (text.starts_with("#!")) {
        step.script = InlineFile{run.heredocs[0].name, text};
        command.args = {"/dev/pipes/" + run.heredocs[0].name};
      } else {
        command.args = {text};
      }
    } else {
      for (const Heredoc& heredoc : run.heredocs) command.args[0] += "\n" + heredoc.content + heredoc.name;
    }
  }
  step.args = with_shell(command);
  for (const auto& [name, value] : env_) step.env.push_back(name + "=" + value);
  for (const std::string_view name : kProxies)
    if (const auto value = context_.options.build_args.find(std::string(name));
        value != context_.options.build_args.end() && !variable(name))
      step.proxy_env.push_back(value->first + "=" + value->second);
  step.user = config_.config.user;
  step.working_dir = config_.config.working_dir.empty() ? "/" : config_.config.working_dir;
  step.network = run.network == "default" ? "" : run.network;

  std::string text = "RUN ";
  if (!args_.empty()) {
    text += fmt::format("|{} ", args_.size());
    for (const auto& [name, value] : args_) text += name + "=" + variable(name).value_or(value) + " ";
  }
  Step& added = add_step(text + join(step.args, " "), true);
  added.title += title_suffix;
  added.operation = std::move(step);
  return {};
}

Result<> StagePlanner::on(const Copy& copy) {
  const std::string name = copy.add ? "ADD" : "COPY";
  if (copy.parents) return unsupported("COPY --parents");
  CopyStep step{.add = copy.add, .link = copy.link, .sources = copy.sources, .excludes = copy.excludes};
  step.unpack = copy.unpack.value_or(copy.add);
  TRY(expand_all(step.sources));
  for (const std::string& source : step.sources) {
    if (is_git(source)) {
      if (!copy.add) return fail("source can't be a git ref for COPY");
      return unsupported(fmt::format("ADD of a git repository ({})", printable(source)));
    }
    if (is_url(source)) {
      if (!copy.add) return fail("source can't be a URL for COPY");
      return unsupported(fmt::format("ADD of a URL ({})", printable(source)));
    }
  }
  if (!copy.checksum.empty()) return fail("checksum requires HTTP(S) or Git sources");
  const std::string destination = TRY(expand(copy.destination));
  step.chown = TRY(expand(copy.chown));
  step.chmod = TRY(expand(copy.chmod));
  if (!step.chmod.empty()) {
    if (const auto mode = ModeChange::parse(step.chmod); !mode) return fail(mode.error().message());
  }
  std::string text = name;
  if (!step.chown.empty()) text += " --chown=" + step.chown;
  if (!step.chmod.empty()) text += " --chmod=" + step.chmod;
  for (const std::string& source : step.sources) text += " " + source;
  for (const Heredoc& heredoc : copy.heredocs) {
    std::string content = heredoc.text();
    if (heredoc.expand) {
      auto expansion =
          dockerfile::expand(content, [this](std::string_view v) { return variable(v); }, {.literal_quotes = true});
      if (!expansion) return fail(expansion.error().message(), expansion.error().kind());
      content = std::move(expansion->text);
    }
    step.inline_files.push_back({heredoc.name, std::move(content)});
    if (heredoc.name.find('/') != std::string::npos) return fail("a heredoc's name cannot hold a slash here");
    text += " <<" + heredoc.name;
  }
  text += " " + destination;
  step.destination = destination_path(config_.config.working_dir, destination);
  if (!copy.from.empty()) {
    if (copy.from.find('$') != std::string::npos)
      return fail(
          "variable expansion is not supported for --from, define a new stage with FROM using ARG from "
          "global scope as a workaround");
    step.from = TRY(source_(copy.from, current_->range));
  }
  Step& added = add_step(std::move(text), true);
  added.operation = std::move(step);
  return {};
}

Result<> StagePlanner::on(const Env& env) {
  std::vector<KeyValue> variables = env.variables;
  for (KeyValue& kv : variables) {
    kv.key = TRY(expand(kv.key));
    kv.value = TRY(expand(kv.value));
  }
  std::string text = "ENV";
  for (const KeyValue& kv : variables) {
    text += " " + kv.key + "=" + kv.value;
    set_variable(kv.key, kv.value);
    set_config_env(kv.key, kv.value);
  }
  add_history(std::move(text), true);
  return {};
}

Result<> StagePlanner::on(const Arg& arg) {
  std::string text = "ARG";
  for (const Arg::Item& item : arg.items) {
    std::optional<std::string> value;
    if (const auto given = context_.options.build_args.find(item.name); given != context_.options.build_args.end()) {
      value = given->second;
      context_.used_args.insert(item.name);
    } else if (item.value) {
      value = TRY(expand(*item.value));
    } else if (const auto global = context_.global_args.find(item.name); global != context_.global_args.end()) {
      value = global->second;
    }
    if (value) set_variable(item.name, *value);
    const auto known = std::ranges::find(args_, item.name, [](const auto& a) { return a.first; });
    if (known == args_.end()) {
      args_.emplace_back(item.name, value.value_or(""));
    } else {
      known->second = value.value_or("");
    }
    text += " " + item.name + (value ? "=" + *value : "");
  }
  add_history(std::move(text), true);
  return {};
}

Result<> StagePlanner::on(const Label& label) {
  std::string text = "LABEL";
  for (const KeyValue& kv : label.labels) {
    const std::string key = TRY(expand(kv.key));
    const std::string value = TRY(expand(kv.value));
    config_.config.labels[key] = value;
    text += " " + key + "=" + value;
  }
  add_history(std::move(text), true);
  return {};
}

Result<> StagePlanner::on(const Workdir& workdir) {
  const std::string written = TRY(expand(workdir.path));
  const std::string path = written.starts_with('/') ? written
                           : written.empty()        ? join_posix(config_.config.working_dir, "")
                                                    : join_posix(config_.config.working_dir, written);
  config_.config.working_dir = path;
  if (path == "/") {
    add_history("WORKDIR " + path, true);
    return {};
  }
  Step& added = add_step("WORKDIR " + path, false);
  added.operation = WorkdirStep{.path = path, .user = config_.config.user};
  return {};
}

Result<> StagePlanner::on(const User& user) {
  config_.config.user = TRY(expand(user.user));
  add_history("USER " + config_.config.user, true);
  return {};
}

Result<> StagePlanner::on(const Expose& expose) {
  std::vector<std::string> ports;
  for (const std::string& word : expose.ports) {
    const auto expansion =
        dockerfile::expand(word, [this](std::string_view name) { return variable(name); }, {.escape = context_.escape});
    if (!expansion) return fail(expansion.error().message(), expansion.error().kind());
    for (const std::string& spec : expansion->words) {
      const auto parsed = parse_exposed_ports(spec);
      if (!parsed) return fail(parsed.error().message());
      ports.insert(ports.end(), parsed->begin(), parsed->end());
    }
  }
  config_.config.exposed_ports.insert(ports.begin(), ports.end());
  add_history("EXPOSE " + go_list(ports), true);
  return {};
}

Result<> StagePlanner::on(const Volume& volume) {
  std::vector<std::string> paths = volume.paths;
  TRY(expand_all(paths));
  for (const std::string& path : paths) {
    if (path.empty()) return fail("VOLUME specified can not be an empty string");
    config_.config.volumes.insert(path);
  }
  add_history("VOLUME " + go_list(paths), true);
  return {};
}

Result<> StagePlanner::on(const Cmd& cmd) {
  config_.config.cmd = with_shell(cmd.command);
  config_.config.args_escaped = true;
  cmd_set_ = true;
  add_history("CMD " + go_quoted_list(config_.config.cmd), true);
  return {};
}

Result<> StagePlanner::on(const Entrypoint& entrypoint) {
  // The empty exec form takes the base's entrypoint away.
  config_.config.entrypoint = entrypoint.command.shell_form && entrypoint.command.args.empty()
                                  ? std::vector<std::string>()
                                  : with_shell(entrypoint.command);
  if (!cmd_set_) config_.config.cmd.clear();
  add_history("ENTRYPOINT " + go_quoted_list(config_.config.entrypoint), true);
  return {};
}

Result<> StagePlanner::on(const Shell& shell) {
  config_.config.shell = shell.args;
  add_history("SHELL " + go_list(shell.args), true);
  return {};
}

Result<> StagePlanner::on(const StopSignal& signal) {
  const std::string name = TRY(expand(signal.signal));
  const bool plausible = !name.empty() && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '-';
  });
  if (!plausible) return fail(fmt::format("invalid signal: {}", printable(name)));
  config_.config.stop_signal = name;
  add_history("STOPSIGNAL " + name, true);
  return {};
}

Result<> StagePlanner::on(const Healthcheck& check) {
  config_.config.healthcheck = healthcheck_json(check);
  add_history(healthcheck_history(check), true);
  return {};
}

Result<> StagePlanner::on(const Maintainer& maintainer) {
  config_.author = maintainer.name;
  add_history("MAINTAINER " + maintainer.name, true);
  return {};
}

Result<> StagePlanner::on(const Onbuild& onbuild) {
  config_.config.on_build.push_back(onbuild.expression);
  return {};
}

std::vector<Step> StagePlanner::finish_steps(const std::string& prefix, bool first_is_from, std::string* from_title) {
  const std::size_t total = steps_.size() + (first_is_from ? 1 : 0);
  const std::size_t width = std::to_string(total).size();
  std::size_t index = 0;
  const auto title = [&](const std::string& text) {
    return fmt::format("[{}{}{:{}}/{}] {}", prefix, prefix.empty() ? "" : " ", ++index, width, total, text);
  };
  if (first_is_from) *from_title = title(*from_title);
  for (Step& step : steps_) step.title = title(step.title);
  return std::move(steps_);
}

}  // namespace strata::build
