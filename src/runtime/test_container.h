// For tests: containers of a real static busybox, with a spec like Docker's, and their output.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/create.h"
#include "runtime/exec.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::runtime {

struct Outcome {
  int code = -1;
  std::string output;  // standard output and error
};

class ContainerTest : public ::testing::Test {
 protected:
  ContainerTest();
  void SetUp() override;
  void TearDown() override;  // no cgroup, no process of ours is left

  // Docker's defaults around `sh -c script`; change it before running.
  oci::RuntimeSpec spec_for(std::string_view script);
  static void set_capabilities(oci::Process& process, const std::vector<std::string>& names);
  // Runs it to its end. A failure to create or start is a failure of the test.
  Outcome run(const oci::RuntimeSpec& spec, SeccompSource seccomp = SeccompSource::kDefault);
  Outcome run(std::string_view script) { return run(spec_for(script)); }
  // The error of create() or start(); fails when there is none.
  Error failure_of(const oci::RuntimeSpec& spec);
  // Creates and starts `sh -c script` with its output going nowhere; ended by TearDown.
  Created& running(const oci::RuntimeSpec& spec);
  Outcome exec_in(Created& container, const oci::RuntimeSpec& spec, const oci::Process& process);

  // A root file system with busybox as every command; `path` of a file in it.
  const std::string& root() const { return root_.path(); }
  std::string in_root(std::string_view path) const { return root_.path() + std::string(path); }
  static void populate(const std::string& directory);

  sys::TempDir root_;
  std::string cgroup_;  // of this test; containers' are below
  int containers_ = 0;
  std::vector<Created> running_;
};

}  // namespace strata::runtime
