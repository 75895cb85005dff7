// A Dockerfile's instructions as values: what each one says, before any variable is replaced
// (docs/reference.md of BuildKit's Dockerfile frontend).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "build/dockerfile/line.h"
#include "build/dockerfile/source.h"

namespace strata::dockerfile {

struct KeyValue {
  std::string key;
  std::string value;
  bool legacy_form = false;  // "ENV name value"
};

struct CommandLine {
  bool shell_form = true;         // else the JSON (exec) form
  std::vector<std::string> args;  // shell form: at most one, the whole text
};

struct From {
  std::string image;
  std::string stage_name;  // lower case; empty without AS
  std::string platform;
};
struct Run {
  CommandLine command;
  std::vector<Heredoc> heredocs;
  std::vector<std::string> mounts;  // as written behind --mount=
  std::vector<std::string> devices;
  std::string network;   // "", default, none, host
  std::string security;  // "", sandbox, insecure
};
// COPY, and ADD when `add`.
struct Copy {
  bool add = false;
  std::vector<std::string> sources;
  std::vector<Heredoc> heredocs;  // sources too, after the others
  std::string destination;
  std::string from;
  std::string chown;
  std::string chmod;
  bool link = false;
  bool parents = false;
  std::vector<std::string> excludes;
  std::optional<bool> keep_git_dir;
  std::optional<bool> unpack;
  std::string checksum;
};
struct Env {
  std::vector<KeyValue> variables;
};
struct Arg {
  struct Item {
    std::string name;
    std::optional<std::string> value;
  };
  std::vector<Item> items;
};
struct Label {
  std::vector<KeyValue> labels;
};
struct Workdir {
  std::string path;
};
struct User {
  std::string user;
};
struct Expose {
  std::vector<std::string> ports;  // sorted as text, as BuildKit has them
};
struct Volume {
  std::vector<std::string> paths;
};
struct Cmd {
  CommandLine command;
};
struct Entrypoint {
  CommandLine command;
};
struct Shell {
  std::vector<std::string> args;
};
struct StopSignal {
  std::string signal;
};
struct Healthcheck {
  std::vector<std::string> test;  // NONE | CMD … | CMD-SHELL …
  std::chrono::nanoseconds interval{}, timeout{}, start_period{}, start_interval{};
  int retries = 0;
};
struct Maintainer {
  std::string name;
};
struct Onbuild {
  std::string expression;
};

using Body = std::variant<From, Run, Copy, Env, Arg, Label, Workdir, User, Expose, Volume, Cmd, Entrypoint, Shell,
                          StopSignal, Healthcheck, Maintainer, Onbuild>;

struct Instruction {
  std::string name;      // upper case
  std::string original;  // the logical line, trimmed
  Range range;
  Body body;
};

// One logical line to an instruction. Errors carry the place.
Result<Instruction> parse_instruction(const Line& line, char escape, const SourceFile& file, Diagnostics& diagnostics);

// Go's time.ParseDuration: "1m30s", "500ms", "-1.5h".
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace strata::dockerfile
