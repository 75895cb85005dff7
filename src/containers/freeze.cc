#include "containers/freeze.h"

#include "sys/file.h"
#include "sys/forked_child.h"

namespace strata::containers {

Result<Freeze> Freeze::begin(const std::string& path) {
  Freeze freeze(TRY(sys::Cgroup::open(path)));
  if (freeze.cgroup_->frozen()) {
    freeze.cgroup_.reset();
    return freeze;
  }
  sys::Pipe pipe = TRY(sys::make_pipe());
  const sys::ForkOptions apart{.new_session = true, .keep = std::vector<int>{pipe.read.get()}};
  freeze.guard_ = TRY(sys::fork_child(apart, [&] {
    std::byte byte;
    const auto got = sys::read_full(pipe.read.get(), std::span(&byte, 1));
    if (got && *got == 0) (void)freeze.cgroup_->thaw();  // nobody said that all is well
    return 0;
  }));
  freeze.guard_pipe_ = std::move(pipe.write);
  TRY(freeze.cgroup_->freeze());
  return freeze;
}

Result<> Freeze::end() {
  if (!cgroup_) return {};
  Result<> thawed = cgroup_->thaw();
  cgroup_.reset();
  if (thawed) (void)sys::write_all(guard_pipe_.get(), std::string_view("."));
  guard_pipe_.reset();
  if (guard_) (void)guard_->wait();
  return thawed;
}

}  // namespace strata::containers
