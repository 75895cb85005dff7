// The v1 half of cgroup.h: one directory in each mounted hierarchy.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/cgroup.h"

namespace strata::sys {

class CgroupV1 {
 public:
  // `root`/NAME is a hierarchy's mount, e.g. NAME "cpu,cpuacct".
  CgroupV1(std::string root, std::vector<std::string> hierarchies, std::string path);

  // Makes the directories. Hierarchies that are read-only for us are dropped from this object.
  Result<> create();
  // Forgets the hierarchies where there is no directory.
  void keep_existing();
  bool empty() const { return names_.empty(); }
  bool has(std::string_view controller) const { return hierarchy(controller) != nullptr; }

  // Returns what belongs to controllers that are not here.
  Result<CgroupLimits> set(const CgroupLimits& limits);
  Result<> enter_self() const;
  Result<> add(pid_t pid) const;
  // Of all groups below, too.
  Result<std::vector<pid_t>> processes() const;
  Result<> set_frozen(bool frozen) const;  // kUnsupported without the freezer
  bool frozen() const;
  void add_statistics(CgroupStatistics& statistics) const;
  const std::vector<std::string>& hierarchies() const { return names_; }
  std::string directory(const std::string& name) const { return root_ + "/" + name + path_; }

 private:
  const std::string* hierarchy(std::string_view controller) const;
  Result<> write(std::string_view controller, const char* file, std::string_view text) const;
  Result<> fill_cpuset(const std::string& directory) const;
  Result<> set_memory(const CgroupLimits& limits) const;
  Result<> set_cpu(const CgroupLimits& limits) const;
  Result<> set_block(const CgroupLimits& limits) const;
  Result<> set_devices(const std::vector<CgroupDeviceRule>& rules) const;

  std::string root_;
  std::vector<std::string> names_;
  std::string path_;
};

}  // namespace strata::sys
