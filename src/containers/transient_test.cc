#include "containers/transient.h"

#include <signal.h>

#include <thread>

#include "containers/records.h"
#include "containers/test_store.h"
#include "sys/file.h"
#include "sys/forked_child.h"
#include <gtest/gtest.h>

namespace strata::containers {
namespace {

using Strings = std::vector<std::string>;

class TransientContainers : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = TestStore::reason_to_skip(); !reason.empty()) GTEST_SKIP() << reason;
    store_ = std::make_unique<TestStore>();
    upper_.upper = work_.path() + "/upper";
    upper_.work = work_.path() + "/work";
    upper_.volatile_ = true;
    ASSERT_TRUE(sys::make_directories(upper_.upper));
    ASSERT_TRUE(sys::make_directories(upper_.work));
  }
  TransientOptions options(Strings arguments) {
    TransientOptions out;
    out.chain = store_->image().chain_ids;
    out.upper = &upper_;
    out.arguments = std::move(arguments);
    out.env = {"PATH=/bin"};
    out.network_mode = "none";
    out.on_output = [this](std::string_view text) { output_ += text; };
    return out;
  }
  sys::TempDir work_ = *sys::TempDir::create("/tmp");
  layers::UpperDir upper_;
  std::string output_;
  std::unique_ptr<TestStore> store_;
};

TEST_F(TransientContainers, GiveOutputExitCodeAndAnUpperWithoutMountPoints) {
  const auto result =
      run_transient(store_->parts(), options({"sh", "-c", "echo a; echo b >&2; echo c > /made; exit 5"}));
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(result->exit_code, 5);
  EXPECT_EQ(output_, "a\nb\n");
  const Strings upper = *sys::list_directory(upper_.upper);
  EXPECT_TRUE(sys::exists(upper_.upper + "/made"));
  for (const char* name : {"/proc", "/sys", "/dev", "/etc/resolv.conf", "/etc/hosts", "/etc/hostname"})
    EXPECT_FALSE(sys::exists(upper_.upper + name)) << name;
  EXPECT_TRUE(Records(store_->store().db()).transients()->empty());
}

TEST_F(TransientContainers, SayWhyACommandCannotRun) {
  EXPECT_EQ(run_transient(store_->parts(), options({"/nonexistent"})).error().kind(), ErrorKind::kCommandNotFound);
  EXPECT_EQ(run_transient(store_->parts(), options({"/etc/notrunnable"})).error().kind(),
            ErrorKind::kCommandNotRunnable);
  EXPECT_TRUE(Records(store_->store().db()).transients()->empty());
}

TEST_F(TransientContainers, EndWhenCancelled) {
  sys::Pipe cancel = *sys::make_pipe();
  TransientOptions wanted = options({"sh", "-c", "echo ready; sleep 1000"});
  wanted.cancel_fd = cancel.read.get();
  wanted.on_output = [&](std::string_view) { cancel.write.reset(); };
  EXPECT_EQ(run_transient(store_->parts(), wanted).error().kind(), ErrorKind::kCancelled);
  EXPECT_TRUE(Records(store_->store().db()).transients()->empty());
}

TEST_F(TransientContainers, EndWithTheirCommandAndAreSwept) {
  sys::Pipe ready = *sys::make_pipe();
  sys::Child command = *sys::fork_child({.new_session = true}, [&] {
    static const std::array<store::Schema, 4> schemas = {layers::schema(), images::Images::schema(),
                                                         network::Networks::schema(), Containers::schema()};
    auto store = *store::Store::open(store_->paths(), schemas, {.settle_in_background = false});
    layers::Layers layers(*store, {.worker_program = *sys::own_directory() + "/strata-layer"});
    images::Images images(*store, layers);
    network::Networks networks(*store);
    TransientOptions wanted = options({"sh", "-c", "echo ready; sleep 1000"});
    wanted.network_mode = "bridge";
    wanted.on_output = [&](std::string_view text) { (void)!sys::write_all(ready.write.get(), text); };
    (void)!run_transient({*store, layers, images, networks, "", {}}, wanted);
    return 0;
  });
  ready.write.reset();
  std::byte byte;
  ASSERT_EQ(*sys::read_full(ready.read.get(), std::span(&byte, 1)), 1u);
  const std::vector<TransientRow> rows = *Records(store_->store().db()).transients();
  ASSERT_EQ(rows.size(), 1u);
  ASSERT_TRUE(command.kill(SIGKILL));
  (void)!command.wait();
  ASSERT_TRUE(store_->another()->sweep());
  EXPECT_TRUE(Records(store_->store().db()).transients()->empty());
  EXPECT_EQ(store_->leftovers({rows[0].id}), Strings());
}

}  // namespace
}  // namespace strata::containers
