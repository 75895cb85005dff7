// What a verb is, and what it is given.
//
// A verb is one file, verb_NAME.cc, with one function `Result<int> run_NAME(Context&, const Verb&,
// arguments)`, declared in verbs.h and listed in the table of verbs.cc. It parses its flags with
// Options, does its work through the engine, prints docker's output to standard output and returns the
// exit code. An Error that it returns is printed by main, and becomes `failure_code`, or 126 and 127
// where a container's command could not be run.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace strata::cli {

using Arguments = std::span<const std::string>;

// Owns the engine, which opens at the first call of engine(): `version` and `--help` touch no disk.
class Context {
 public:
  explicit Context(engine::Settings settings) : settings_(std::move(settings)) {}

  const engine::Settings& settings() const { return settings_; }
  // The engine, opened and with what earlier commands left half done swept away.
  Result<engine::Engine*> engine();

 private:
  engine::Settings settings_;
  std::unique_ptr<engine::Engine> engine_;
};

struct Verb {
  // "pull", then its other forms: "image pull". What a verb's function is given begins with the name that was
  // used: usage lines say that one.
  std::vector<std::string_view> names;
  std::string_view usage;    // "[OPTIONS] NAME[:TAG|@DIGEST]"
  std::string_view summary;  // one line; empty hides the verb from help
  Result<int> (*run)(Context&, const Verb&, Arguments);
  // Of an error; 125 for what runs a container. Every call has a Verb of its own, in which Options puts what a
  // mistake on the command line gives.
  mutable int failure_code = 1;
};

// All verbs, in the order in which help lists them.
std::span<const Verb> verbs();

// The whole program after its global options are known: finds the verb, runs it, prints its error.
// Returns the process's exit code.
int run_command(Context& context, std::span<const std::string> words);

// argv of strata to an exit code: global options, then run_command.
int run_main(std::span<const std::string> arguments);

bool is_terminal(int fd);
// Asks `question` on standard output and reads a line: true for y or Y alone. No terminal, no answer: false.
bool confirm(std::string_view question);

}  // namespace strata::cli
