// Whole builds with the real parts: layers, mounts, and containers for RUN. Needs root; RUN needs a static
// busybox.
#include "build/build.h"

#include <sys/wait.h>

#include <map>

#include "build/cache.h"
#include "build/test_tree.h"
#include "codec/tar_reader.h"
#include "containers/containers.h"
#include "images/images.h"
#include "layers/layers.h"
#include "network/networks.h"
#include "registry/client.h"
#include "store/lease.h"
#include "sys/event_loop.h"
#include "sys/process.h"
#include "sys/rooted_path.h"

namespace strata::build {
namespace {

// What was told, as lines: "[2/3] RUN x: done", "note …", "output …".
class Recorder final : public Progress {
 public:
  int begin(std::string_view title) override {
    titles_.emplace_back(title);
    return static_cast<int>(titles_.size()) - 1;
  }
  void note(int, std::string_view line) override { notes.emplace_back(line); }
  void output(int, std::string_view bytes) override {
    output_text += bytes;
    if (on_output) on_output();
  }
  void end(int step, Outcome outcome, std::string_view) override {
    static constexpr const char* kNames[] = {"done", "cached", "failed", "cancelled"};
    const std::string& title = titles_.at(static_cast<std::size_t>(step));
    if (!title.starts_with("[internal]") && title != "exporting to image")
      steps.push_back(title + ": " + kNames[static_cast<int>(outcome)]);
  }
  images::PullProgress& pull(int) override { return pull_; }
  void warning(std::string_view text) override { warnings.emplace_back(text); }
  void failure(std::string_view, const std::vector<std::string>& last_lines, std::string_view text) override {
    last = last_lines;
    excerpt = text;
  }

  std::vector<std::string> steps, notes, warnings, last;
  std::string output_text, excerpt;
  std::function<void()> on_output;

 private:
  class NoPull final : public images::PullProgress {
    void begin(const oci::Reference&, std::span<const oci::Digest>) override {}
    void layer(std::size_t, State, std::uint64_t, std::uint64_t) override {}
  };
  std::vector<std::string> titles_;
  NoPull pull_;
};

using Lines = std::vector<std::string>;

class BuildTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting a root file system needs root";
    static const store::Schema schemas[] = {layers::schema(), images::Images::schema(), network::Networks::schema(),
                                            containers::Containers::schema(), schema()};
    store_ =
        store::Store::open({home_.path("root"), home_.path("run")}, schemas, {.settle_in_background = false}).value();
    layers_ = std::make_unique<layers::Layers>(
        *store_, layers::Options{.worker_program = sys::own_directory().value() + "/strata-layer"});
    images_ = std::make_unique<images::Images>(*store_, *layers_);
    networks_ = std::make_unique<network::Networks>(*store_);
    containers_ = std::make_unique<containers::Containers>(
        containers::Parts{*store_, *layers_, *images_, *networks_, "/nonexistent", {"/nonexistent"}});
  }
  void TearDown() override {
    if (layers_ == nullptr) return;
    EXPECT_TRUE(layers_->unmount_unused({}));
  }

  Result<images::Image> build(const std::string& dockerfile, BuildOptions options = {}) {
    recorder_ = std::make_unique<Recorder>();
    recorder_->on_output = on_output_;
    options.dockerfile = dockerfile;
    options.context = context_.path();
    options.network = "none";
    const Parts parts{*store_, *layers_, *images_, *containers_,
                      []() -> Result<registry::Client*> { return error(ErrorKind::kUnavailable, "no registry here"); }};
    const oci::Digest id = TRY(build::build(options, parts, *recorder_));
    return images_->get(id);
  }
  images::Image built(const std::string& dockerfile, BuildOptions options = {}) {
    auto image = build(dockerfile, std::move(options));
    EXPECT_TRUE(image) << image.error().message() << "\n" << recorder_->output_text;
    return image ? *std::move(image) : images::Image{};
  }
  std::string message(const std::string& dockerfile, BuildOptions options = {}) {
    const auto image = build(dockerfile, std::move(options));
    return image ? "built" : image.error().message();
  }
  // A file of the image, or "-".
  std::string content(const images::Image& image, const std::string& path) {
    const auto root = layers_->mount_rootfs(image.chain_ids, nullptr).value();
    const auto file = sys::open_in_root(root.get(), path, O_RDONLY);
    return file ? sys::read_fd(file->get()).value() : "-";
  }
  // Nothing in flight stays.
  void expect_nothing_left() {
    const auto leases = sys::list_directory(store_->directory("leases").value()).value();
    for (const auto& name : leases) ADD_FAILURE() << "lease " << name << " is still there";
  }
  // FROM busybox, made once.
  bool have_busybox() {
    for (const char* path : {"/bin/busybox", "/usr/bin/busybox"}) {
      const auto bytes = sys::read_file(path);
      if (!bytes) continue;
      context_.file("busybox", *bytes, 0755);
      built("FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n",
            {.tags = {oci::Reference::parse("busybox").value()}});
      return true;
    }
    return false;
  }

  TestTree home_, context_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<layers::Layers> layers_;
  std::unique_ptr<images::Images> images_;
  std::unique_ptr<network::Networks> networks_;
  std::unique_ptr<containers::Containers> containers_;
  std::unique_ptr<Recorder> recorder_;
  std::function<void()> on_output_;
};

TEST_F(BuildTest, FilesBecomeAnImage) {
  context_.file("app.py", "print()");
  const auto image = built("FROM scratch\nWORKDIR /app\nCOPY app.py .\nCMD [\"app\"]\n",
                           {.tags = {oci::Reference::parse("app:1").value(), oci::Reference::parse("app:2").value()}});
  EXPECT_EQ(content(image, "/app/app.py"), "print()");
  EXPECT_EQ(image.config.config.working_dir, "/app");
  EXPECT_EQ(image.config.diff_ids.size(), 2u);
  EXPECT_EQ(image.config.history.size(), 3u);
  EXPECT_EQ(image.config.created, image.config.history[1].created);
  EXPECT_EQ(images_->find("app:1").value().id, image.id);
  EXPECT_EQ(images_->find("app:2").value().id, image.id);
  EXPECT_EQ(recorder_->steps, (Lines{"[1/2] WORKDIR /app: done", "[2/2] COPY app.py .: done"}));
  expect_nothing_left();
}

TEST_F(BuildTest, WhatDidNotChangeIsCachedAndTheImageIsTheSame) {
  context_.file("a", "1");
  context_.file("b", "1");
  const std::string text = "FROM scratch\nCOPY a /\nCOPY b /\n";
  const auto first = built(text);
  context_.set_time("a", 77);
  const auto again = built(text);
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(recorder_->steps, (Lines{"[1/2] COPY a /: cached", "[2/2] COPY b /: cached"}));
  context_.file("b", "2");
  const auto third = built(text);
  EXPECT_EQ(recorder_->steps, (Lines{"[1/2] COPY a /: cached", "[2/2] COPY b /: done"}));
  EXPECT_EQ(recorder_->notes[1], "not cached: changed: /b (content)");
  EXPECT_EQ(third.config.diff_ids[0], first.config.diff_ids[0]);
  EXPECT_NE(third.config.diff_ids[1], first.config.diff_ids[1]);
  built(text, {.no_cache = true});
  EXPECT_EQ(recorder_->steps, (Lines{"[1/2] COPY a /: done", "[2/2] COPY b /: done"}));
}

TEST_F(BuildTest, TheCacheOutlivesTheImageAndGoesWhenItIsForgotten) {
  context_.file("a", "1");
  const std::string text = "FROM scratch\nCOPY a /\n";
  const auto image = built(text);
  const auto no_uses = [] { return Result<std::vector<images::ImageUse>>(std::vector<images::ImageUse>()); };
  ASSERT_TRUE(images_->remove(image.id.to_string(), true, no_uses));
  built(text);
  EXPECT_EQ(recorder_->steps, (Lines{"[1/1] COPY a /: cached"}));
  ASSERT_TRUE(images_->remove(image.id.to_string(), true, no_uses));
  EXPECT_EQ(forget_cache(*store_).value(), 1u);
  ASSERT_TRUE(images_->collect_garbage(no_uses));
  EXPECT_TRUE(layers_->usage().value().empty());
  built(text);
  EXPECT_EQ(recorder_->steps, (Lines{"[1/1] COPY a /: done"}));
}

TEST_F(BuildTest, StagesHandFilesOnAndUnneededOnesAreNotBuilt) {
  context_.file("src/x", "X");
  const auto image = built(
      "FROM scratch AS one\nCOPY src /out\nFROM scratch AS broken\nCOPY nothing /\n"
      "FROM scratch\nCOPY --from=one /out/x /y\n");
  EXPECT_EQ(content(image, "/y"), "X");
  EXPECT_EQ(image.config.diff_ids.size(), 1u);
  EXPECT_EQ(message("FROM scratch AS one\nCOPY src /out\nFROM one\nCOPY --from=0 /nope /\n"),
            "failed to compute cache key: \"/nope\": not found");
}

TEST_F(BuildTest, AWorkdirThatExistsNeedsNoLayer) {
  context_.file("d/x", "");
  const auto image = built("FROM scratch\nCOPY . /\nWORKDIR /d\n");
  EXPECT_EQ(image.config.diff_ids.size(), 1u);
  EXPECT_TRUE(image.config.history[1].empty_layer);
  EXPECT_EQ(built("FROM scratch\nCOPY . /\nWORKDIR /d\n").id, image.id);
}

TEST_F(BuildTest, TheIgnoreFileBesideTheDockerfileWins) {
  context_.file("a", "");
  context_.file("b", "");
  context_.file(".dockerignore", "a\n");
  context_.file("Other", "");
  context_.file("Other.dockerignore", "b\n*ther*\n.dockerignore");
  EXPECT_EQ(message("FROM scratch\nCOPY a /\n"), "failed to compute cache key: \"/a\": not found");
  const auto image = built("FROM scratch\nCOPY . /\n", {.dockerfile_path = context_.path("Other")});
  EXPECT_EQ(content(image, "/a"), "");
  EXPECT_EQ(content(image, "/b"), "-");
}

TEST_F(BuildTest, ErrorsShowThePlace) {
  EXPECT_EQ(message("FROM scratch\nCPY a b\n"), "Dockerfile:2:1: unknown instruction: CPY (did you mean COPY?)");
  EXPECT_NE(recorder_->excerpt.find("   2 | >>> CPY a b\n"), std::string::npos);
  EXPECT_EQ(message("FROM scratch\n\nCOPY nosuch /\n"), "failed to compute cache key: \"/nosuch\": not found");
  EXPECT_NE(recorder_->excerpt.find("   3 | >>> COPY nosuch /\n"), std::string::npos);
  EXPECT_EQ(message("FROM nosuchimage\n"), "no registry here");
  EXPECT_EQ(message("FROM scratch\nCOPY --chown=me Dockerfile /\n"),
            "failed to compute cache key: \"/Dockerfile\": not found");
  context_.file("f");
  EXPECT_EQ(message("FROM scratch\nCOPY --chown=me f /\n"), "no such user: me");
  EXPECT_EQ(message("FROM scratch\n", {.platform = oci::parse_platform("linux/s390x").value()}).substr(0, 36),
            "building for linux/s390x is not supp");
  expect_nothing_left();
}

TEST_F(BuildTest, CommandsRunAndTheirChangesAreALayer) {
  if (!have_busybox()) GTEST_SKIP() << "no busybox on this machine";
  const auto image = built(
      "FROM busybox\nENV who=me\nRUN echo \"$who\" > /file; echo said\nRUN [\"/bin/busybox\", \"rm\", \"/bin/sh\"]\n");
  EXPECT_EQ(content(image, "/file"), "me\n");
  EXPECT_EQ(content(image, "/bin/sh"), "-");
  EXPECT_EQ(recorder_->output_text, "said\n");
  EXPECT_EQ(image.config.history[3].created_by, "RUN /bin/sh -c echo \"$who\" > /file; echo said # buildkit");
  EXPECT_EQ(content(image, "/etc/resolv.conf"), "-");
  expect_nothing_left();
}

TEST_F(BuildTest, AFailedCommandTellsItsLastLinesAndLeavesNothing) {
  if (!have_busybox()) GTEST_SKIP() << "no busybox on this machine";
  EXPECT_EQ(message("FROM busybox\nRUN echo one; echo two; exit 7\n"),
            "process \"/bin/sh -c echo one; echo two; exit 7\" did not complete successfully: exit code: 7");
  EXPECT_EQ(recorder_->last, (Lines{"one", "two"}));
  EXPECT_NE(recorder_->excerpt.find(">>> RUN echo one"), std::string::npos);
  EXPECT_EQ(recorder_->steps.back(), "[2/2] RUN echo one; echo two; exit 7: failed");
  EXPECT_EQ(build("FROM busybox\nRUN [\"/nothing\"]\n").error().kind(), ErrorKind::kInvalidArgument);
  expect_nothing_left();
}

TEST_F(BuildTest, ACancelledBuildEndsItsStep) {
  if (!have_busybox()) GTEST_SKIP() << "no busybox on this machine";
  auto pipe = sys::make_pipe().value();
  on_output_ = [&] { pipe.write.reset(); };
  EXPECT_EQ(
      build("FROM busybox\nRUN echo started; /bin/busybox sleep 1000\n", {.cancel_fd = pipe.read.get()}).error().kind(),
      ErrorKind::kCancelled);
  EXPECT_EQ(recorder_->steps.back(), "[2/2] RUN echo started; /bin/busybox sleep 1000: cancelled");
  expect_nothing_left();
}

TEST_F(BuildTest, HeredocsAreExecuted) {
  if (!have_busybox()) GTEST_SKIP() << "no busybox on this machine";
  const auto image = built(
      "FROM busybox\nRUN <<EOF\necho a > /x\necho b >> /x\nEOF\nRUN <<EOF\n#!/bin/busybox sh\necho script > /y\nEOF\n"
      "COPY <<EOF /z\nfrom here\nEOF\n");
  EXPECT_EQ(content(image, "/x"), "a\nb\n");
  EXPECT_EQ(content(image, "/y"), "script\n");
  EXPECT_EQ(content(image, "/z"), "from here\n");
}

}  // namespace
}  // namespace strata::build
