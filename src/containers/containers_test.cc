// Real containers on the real kernel: their lives, and what is left after whatever ends them.
#include "containers/containers.h"

#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "containers/attach.h"
#include "containers/records.h"
#include "containers/run_files.h"
#include "containers/test_store.h"
#include "sys/file.h"
#include "sys/forked_child.h"
#include "sys/process.h"
#include <gtest/gtest.h>

namespace strata::containers {
namespace {

using Strings = std::vector<std::string>;

class ContainerLife : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = TestStore::reason_to_skip(); !reason.empty()) GTEST_SKIP() << reason;
    store_ = std::make_unique<TestStore>();
  }
  Containers& containers() { return store_->containers(); }
  Strings output(const Container& container) {
    Strings lines;
    const std::string log = sys::read_file(containers().paths(container.id).log).value_or("");
    for (std::size_t at = 0; (at = log.find("{\"log\":\"", at)) != std::string::npos;) {
      at += 8;
      lines.push_back(log.substr(at, log.find("\\n\"", at) - at));
    }
    return lines;
  }
  std::unique_ptr<TestStore> store_;
};

#define ASSERT_OK(expression)                        \
  do {                                               \
    auto&& result = (expression);                    \
    ASSERT_TRUE(result) << result.error().message(); \
  } while (false)

TEST_F(ContainerLife, RunsAndIsRecordedAndCanBeStartedAgain) {
  const Container container = store_->run({"sh", "-c", "echo out; echo $HOSTNAME; exit 7"});
  EXPECT_EQ(containers().wait(container).value_or(-1), 7);
  State state = *containers().state(container);
  EXPECT_EQ(state.status, Status::kExited);
  EXPECT_EQ(state.exit_code, 7);
  EXPECT_TRUE(state.started && state.finished && *state.finished >= *state.started);
  EXPECT_EQ(output(container), (Strings{"out", container.short_id()}));
  EXPECT_EQ(store_->leftovers({container.id}), Strings());
  ASSERT_OK(containers().start(container, {}));
  EXPECT_EQ(containers().wait(container).value_or(-1), 7);
  EXPECT_EQ(output(container).size(), 4u);
  ASSERT_OK(containers().remove(container, {}));
  EXPECT_FALSE(sys::exists(containers().paths(container.id).directory));
  EXPECT_EQ(containers().find(container.id).error().kind(), ErrorKind::kNotFound);
}

TEST_F(ContainerLife, KeepsItsChangesBetweenStartsAndShowsThem) {
  const Container container =
      store_->run({"sh", "-c", "cat /note; echo kept > /note; rm -f /srv/page; mkdir -p /srv/new"});
  EXPECT_EQ(containers().wait(container).value_or(-1), 0);
  ASSERT_OK(containers().start(container, {}));
  (void)!containers().wait(container);
  EXPECT_EQ(output(container).back(), "kept");
  Strings changes;
  const auto diff = containers().diff(container);
  ASSERT_OK(diff);
  for (const Change& change : *diff) changes.push_back(std::string(1, change.kind) + change.path);
  EXPECT_EQ(changes, (Strings{"A/note", "C/srv", "A/srv/new", "D/srv/page"}));
}

TEST_F(ContainerLife, StopsByItsSignalThenByForce) {
  Config config;
  config.stop_signal = "SIGUSR1";
  const Container polite =
      store_->run({"sh", "-c", "trap 'exit 3' USR1; echo ready; while :; do sleep 0.05; done"}, config);
  const Container deaf = store_->run({"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"});
  for (const Container* one : {&polite, &deaf})
    while (output(*one).empty()) std::this_thread::yield();
  ASSERT_OK(containers().stop(polite, 10));
  EXPECT_EQ(containers().state(polite)->exit_code, 3);
  ASSERT_OK(containers().stop(deaf, 0));
  EXPECT_EQ(containers().state(deaf)->exit_code, 137);
  EXPECT_EQ(containers().kill(deaf, "KILL").error().kind(), ErrorKind::kConflict);
  ASSERT_OK(containers().stop(deaf, 0));
  EXPECT_EQ(store_->leftovers({polite.id, deaf.id}), Strings());
}

TEST_F(ContainerLife, IsRemovedOnlyByForceWhileItRuns) {
  const Container container = store_->run({"sleep", "1000"});
  EXPECT_EQ(containers().remove(container, {}).error().message(),
            "cannot remove container \"" + container.name +
                "\": container is running: stop the container before removing or force remove");
  ASSERT_OK(containers().remove(container, {.force = true}));
  EXPECT_EQ(store_->leftovers({container.id}), Strings());
  EXPECT_FALSE(sys::exists(containers().paths(container.id).directory));
}

TEST_F(ContainerLife, SaysWhyACommandCannotRunAndLeavesNothing) {
  const std::pair<Strings, ErrorKind> cases[] = {
      {{"/nonexistent"}, ErrorKind::kCommandNotFound},
      {{"nonexistent"}, ErrorKind::kCommandNotFound},
      {{"/etc/notrunnable"}, ErrorKind::kCommandNotRunnable},
      {{"/etc"}, ErrorKind::kCommandNotRunnable},
  };
  for (const auto& [command, kind] : cases) {
    Config config;
    config.network_mode = "none";
    config.cmd = command;
    const Container container =
        *containers().create({.image_name = "busybox", .config = config, .for_run = true}, store_->image());
    const Result<> started = containers().start(container, {});
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().kind(), kind) << started.error().message();
    EXPECT_EQ(containers().find(container.id).error().kind(), ErrorKind::kNotFound);
    EXPECT_EQ(store_->leftovers({container.id}), Strings());
    EXPECT_FALSE(sys::exists(containers().paths(container.id).directory));
  }
}

TEST_F(ContainerLife, IsForgottenWhenItsCommandEndsBeforeTheStart) {
  std::string id;
  {
    std::unique_ptr<Containers> command = store_->another();
    Config config;
    config.network_mode = "none";
    id = command->create({.image_name = "busybox", .config = config, .for_run = true}, store_->image())->id;
    ASSERT_OK(containers().sweep());
    EXPECT_TRUE(containers().find(id)) << "its holder lives";
  }
  EXPECT_FALSE(containers().find(id));
}

TEST_F(ContainerLife, IsSweptWhenNobodyToreItDown) {
  Config config;
  config.auto_remove = true;
  const Container removed = store_->run({"true"}, config);
  const Container kept = store_->run({"sh", "-c", "exit 4"});
  for (const Container* one : {&removed, &kept})
    while (!sys::exists(containers().paths(one->id).exit)) std::this_thread::yield();
  // Its monitor executed /bin/true instead of a teardown.
  EXPECT_EQ(containers().state(kept)->exit_code, 4);
  ASSERT_OK(containers().sweep());
  EXPECT_FALSE(containers().find(removed.id));
  EXPECT_EQ(containers().state(kept)->exit_code, 4);
  EXPECT_EQ(store_->leftovers({removed.id, kept.id}), Strings());
}

TEST_F(ContainerLife, IsNotConfusedByAStaleRunDirectoryOfAnotherBoot) {
  const Container container = store_->run({"sleep", "1000"});
  const std::string path = containers().paths(container.id).status;
  const RunStatus real = **read_status(path);
  ASSERT_OK(containers().stop(container, 0));

  // As after a reboot: the row and the files say "running", the pid is somebody else's now.
  sys::Child bystander = *sys::fork_child({}, [] {
    ::pause();
    return 0;
  });
  Records records(store_->store().db());
  RunStatus stale = real;
  stale.init = {bystander.pid(), *sys::start_time(bystander.pid())};
  stale.boot_id = "00000000-0000-4000-8000-000000000000";
  ASSERT_OK(sys::make_directories(containers().paths(container.id).run_directory));
  ASSERT_OK(write_status(path, stale));
  ASSERT_OK(records.record_started(container.id, stale.boot_id, stale.init, stale.monitor, stale.started));

  std::unique_ptr<Containers> command = store_->another();
  EXPECT_EQ(command->state(container)->status, Status::kExited);
  EXPECT_EQ(command->kill(container, "KILL").error().kind(), ErrorKind::kConflict);
  ASSERT_OK(command->stop(container, 0));
  EXPECT_EQ(command->state(container)->exit_code, kUnknownExitCode);
  EXPECT_EQ(command->state(container)->error, kUnknownExit);
  EXPECT_TRUE(look_at(stale.init).exists);
  ASSERT_OK(bystander.kill(SIGKILL));
  (void)!bystander.wait();
}

TEST_F(ContainerLife, SurvivesTheEndOfItsStarterWhoeverIsKilled) {
  // A command is killed at ever later moments; the next one finds all or nothing.
  int running = 0, gone = 0;
  for (int delay = 0; delay < 40; ++delay) {
    sys::Pipe id_pipe = *sys::make_pipe();
    sys::Child command = *sys::fork_child({.new_session = true}, [&] {
      // SQLite's connections must not cross a fork: a store of its own.
      static const std::array<store::Schema, 4> schemas = {layers::schema(), images::Images::schema(),
                                                           network::Networks::schema(), Containers::schema()};
      auto store = *store::Store::open(store_->paths(), schemas, {.settle_in_background = false});
      layers::Layers layers(*store, {.worker_program = *sys::own_directory() + "/strata-layer"});
      images::Images images(*store, layers);
      network::Networks networks(*store);
      Containers own({*store, layers, images, networks, *sys::own_directory() + "/strata-monitor", {"/bin/true"}});
      Config config;
      config.cmd = {"sleep", "1000"};
      config.network_mode = delay % 2 == 0 ? "none" : "bridge";
      const Container container =
          *own.create({.image_name = "busybox", .config = config, .for_run = true}, store_->image());
      (void)!sys::write_all(id_pipe.write.get(), container.id);
      if (!own.start(container, {})) ::_exit(1);
      ::pause();
      return 0;
    });
    id_pipe.write.reset();
    std::string id(64, ' ');
    ASSERT_EQ(*sys::read_full(id_pipe.read.get(), std::as_writable_bytes(std::span(id))), 64u);
    std::this_thread::sleep_for(std::chrono::microseconds(500 * delay));  // a random moment, not an event
    ASSERT_OK(command.kill(SIGKILL));
    (void)!command.wait();

    std::unique_ptr<Containers> next = store_->another();
    ASSERT_OK(next->sweep());
    const Result<Container> found = next->find(id);
    if (found) {
      ++running;
      EXPECT_TRUE(next->state(*found)->running());
      ASSERT_OK(next->remove(*found, {.force = true}));
    } else {
      ++gone;
    }
    EXPECT_EQ(store_->leftovers({id}), Strings()) << "killed after " << delay * 500 << " us";
    EXPECT_FALSE(sys::exists(next->paths(id).directory));
  }
  RecordProperty("running", running);
  RecordProperty("gone", gone);
}

TEST_F(ContainerLife, GetsANewMonitorWhenItsOwnIsKilled) {
  const Container container =
      store_->run({"sh", "-c", "trap 'exit 7' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done"});
  while (output(container).size() < 3) std::this_thread::yield();
  const State before = *containers().state(container);
  ASSERT_OK(sys::send_signal(sys::open_pidfd(before.monitor_pid)->get(), SIGKILL));
  while (containers().state(container)->monitor_pid != 0) std::this_thread::yield();
  EXPECT_TRUE(containers().state(container)->running());
  ASSERT_OK(containers().sweep());
  const State after = *containers().state(container);
  EXPECT_EQ(after.pid, before.pid);
  EXPECT_NE(after.monitor_pid, 0);
  EXPECT_NE(after.monitor_pid, before.monitor_pid);
  const std::size_t lines = output(container).size();
  while (output(container).size() < lines + 3) std::this_thread::yield();
  ASSERT_OK(containers().stop(container, 10));
  const State end = *containers().state(container);
  EXPECT_TRUE(end.exit_code == 7 || (end.exit_code == kUnknownExitCode && !end.error.empty())) << end.exit_code;
  EXPECT_EQ(store_->leftovers({container.id}), Strings());
}

TEST_F(ContainerLife, FillsVolumesFromTheImageAndRemovesAnonymousOnes) {
  Config config;
  config.mounts = {{.type = Mount::Type::kVolume, .target = "/srv"}};
  const Container container = store_->run({"cat", "/srv/page"}, config);
  EXPECT_EQ(containers().wait(container).value_or(-1), 0);
  EXPECT_EQ(output(container), Strings{"hello"});
  const std::string data = store_->paths().root + "/volumes/" + container.config.mounts[0].name + "/_data";
  EXPECT_EQ(sys::stat_path(data)->st_mode & 07777, 0750u);
  ASSERT_OK(containers().remove(container, {.volumes = true}));
  EXPECT_FALSE(sys::exists(data));
}

TEST_F(ContainerLife, RunsAsTheUserOfTheImage) {
  Config config;
  config.user = "web";
  config.working_dir = "/work/deep";
  const Container container = store_->run({"sh", "-c", "id -u; id -G; echo $HOME $PWD"}, config);
  EXPECT_EQ(containers().wait(container).value_or(-1), 0);
  EXPECT_EQ(output(container), (Strings{"33", "33 50", "/srv /work/deep"}));
}

TEST_F(ContainerLife, TwoWithOneName) {
  Config config;
  ASSERT_OK(containers().create({.name = "same", .image_name = "busybox", .config = config}, store_->image()));
  const auto second = containers().create({.name = "same", .image_name = "busybox", .config = config}, store_->image());
  EXPECT_EQ(second.error().kind(), ErrorKind::kConflict);
}

}  // namespace
}  // namespace strata::containers
