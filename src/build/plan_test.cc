#include "build/plan.h"

#include "base/strings.h"
#include "build/history.h"
#include <gtest/gtest.h>

namespace strata::build {
namespace {

struct Planned {
  Result<Plan> plan;
  dockerfile::Diagnostics diagnostics;
};

// Every image exists: PATH, a shell's CMD, and what its name says.
Result<BaseImage> resolve(const std::string& reference) {
  if (reference == "missing") return error(ErrorKind::kNotFound, "missing: not found");
  BaseImage image{.name = "docker.io/library/" + reference, .id = oci::Digest::of(reference)};
  image.config.os = "linux";
  image.config.architecture = "amd64";
  image.config.created = "2020-01-01T00:00:00Z";
  image.config.config.env = {"PATH=/bin", "BASE=" + reference};
  image.config.config.cmd = {"bash"};
  image.config.history = {{.created = "2020-01-01T00:00:00Z", .created_by = "base"}};
  if (reference == "onbuild") image.config.config.on_build = {"RUN trigger $BASE", "COPY --from=tools /t /t"};
  if (reference == "workdir") image.config.config.working_dir = "/srv";
  return image;
}

Planned plan(const std::string& text, PlanOptions options = {}) {
  Planned out{Error(ErrorKind::kInternal, "?"), {}};
  options.platform = oci::parse_platform("linux/amd64").value();
  const dockerfile::SourceFile file("Dockerfile", text);
  const auto parsed = dockerfile::parse(file, out.diagnostics);
  if (!parsed) {
    out.plan = Error(parsed.error());
  } else {
    out.plan = make_plan(*parsed, file, options, resolve, out.diagnostics);
  }
  return out;
}

std::string message(const std::string& text, PlanOptions options = {}) {
  const auto planned = plan(text, std::move(options));
  return planned.plan ? "planned" : planned.plan.error().message();
}

PlannedStage target(const std::string& text, PlanOptions options = {}) {
  const auto planned = plan(text, std::move(options));
  EXPECT_TRUE(planned.plan) << planned.plan.error().message();
  return planned.plan ? planned.plan->stages[planned.plan->target] : PlannedStage{};
}

std::vector<std::string> history(const PlannedStage& stage) {
  std::vector<std::string> out;
  for (const auto& line : stage.config.history) out.push_back((line.empty_layer ? "- " : "+ ") + line.created_by);
  return out;
}

using Texts = std::vector<std::string>;

TEST(Plan, HistoryIsWrittenAsBuildKitDoes) {
  const auto stage = target(R"(FROM debian
MAINTAINER Me
ENV a=1 b="x y"
ARG v=2
RUN echo "$a"
COPY --chown=1:2 app.py ./x /app/
ADD x.tar /
WORKDIR /app
WORKDIR sub
USER web
EXPOSE 80 53/udp
VOLUME /v1 /v2
LABEL k=v
CMD ["nginx", "-g", "daemon off;"]
ENTRYPOINT exec top
SHELL ["/bin/bash", "-c"]
STOPSIGNAL SIGINT
HEALTHCHECK --interval=90s CMD curl x
RUN ["a", "b"]
)");
  EXPECT_EQ(history(stage),
            (Texts{"+ base", "- MAINTAINER Me", "- ENV a=1 b=x y", "- ARG v=2",
                   "+ RUN |1 v=2 /bin/sh -c echo \"$a\" # buildkit", "+ COPY --chown=1:2 app.py ./x /app/ # buildkit",
                   "+ ADD x.tar / # buildkit", "+ WORKDIR /app", "+ WORKDIR /app/sub", "- USER web",
                   "- EXPOSE [53/udp 80/tcp]", "- VOLUME [/v1 /v2]", "- LABEL k=v",
                   "- CMD [\"nginx\" \"-g\" \"daemon off;\"]", "- ENTRYPOINT [\"/bin/sh\" \"-c\" \"exec top\"]",
                   "- SHELL [/bin/bash -c]", "- STOPSIGNAL SIGINT",
                   "- HEALTHCHECK {Test:[CMD-SHELL curl x] Interval:1m30s Timeout:0s StartPeriod:0s "
                   "StartInterval:0s Retries:0}",
                   "+ RUN |1 v=2 a b # buildkit"}));
  const auto& config = stage.config.config;
  EXPECT_EQ(stage.config.author, "Me");
  EXPECT_EQ(config.env, (Texts{"PATH=/bin", "BASE=debian", "a=1", "b=x y"}));
  EXPECT_EQ(config.working_dir, "/app/sub");
  EXPECT_EQ(config.user, "web");
  EXPECT_EQ(config.exposed_ports, (std::set<std::string>{"53/udp", "80/tcp"}));
  EXPECT_EQ(config.healthcheck, R"({"Test":["CMD-SHELL","curl x"],"Interval":90000000000})");
  EXPECT_EQ(config.cmd, (Texts{"nginx", "-g", "daemon off;"}));
}

TEST(Plan, StepsSeeTheirEnvironment) {
  const auto stage = target("ARG tag=1\nFROM workdir\nARG tag\nARG unset\nENV e=$tag\nUSER u\nRUN x\n",
                            {.build_args = {{"http_proxy", "http://p"}}});
  const auto& run = std::get<RunStep>(stage.steps[0].operation);
  EXPECT_EQ(run.args, (Texts{"/bin/sh", "-c", "x"}));
  EXPECT_EQ(run.env, (Texts{"PATH=/bin", "BASE=workdir", "tag=1", "e=1"}));
  EXPECT_EQ(run.proxy_env, (Texts{"http_proxy=http://p"}));
  EXPECT_EQ(run.user, "u");
  EXPECT_EQ(run.working_dir, "/srv");
  EXPECT_EQ(stage.steps[0].command, "RUN |2 tag=1 unset= /bin/sh -c x");
}

TEST(Plan, TitlesCountTheStepsThatMakeLayers) {
  const auto planned =
      plan("FROM debian AS build\nENV a=1\nRUN make $a \"q\" $other\nFROM scratch\nCOPY --from=build /x /y\n");
  ASSERT_TRUE(planned.plan);
  EXPECT_EQ(planned.plan->stages[0].title, "[build 1/2] FROM docker.io/library/debian");
  EXPECT_EQ(planned.plan->stages[0].steps[0].title, "[build 2/2] RUN make 1 \"q\" $other");
  EXPECT_EQ(planned.plan->stages[1].title, "");
  EXPECT_EQ(planned.plan->stages[1].steps[0].title, "[stage-1 1/1] COPY --from=build /x /y");
  EXPECT_EQ(target("FROM debian\nRUN a\n").steps[0].title, "[2/2] RUN a");
  std::string many = "FROM debian\n";
  for (int i = 0; i < 10; ++i) many += "RUN a\n";
  EXPECT_EQ(target(many).steps[0].title, "[ 2/11] RUN a");
}

TEST(Plan, StagesThatTheTargetDoesNotNeedAreLeftOut) {
  const std::string text =
      "FROM missing AS unused\nRUN false\nFROM debian AS a\nRUN a\nFROM a AS b\nRUN b\nFROM debian AS c\nCOPY --from=a "
      "/x /\n";
  EXPECT_EQ(plan(text).plan->stages.size(), 2u);
  EXPECT_EQ(plan(text, {.target = "B"}).plan->stages.size(), 2u);
  EXPECT_EQ(plan(text, {.target = "a"}).plan->stages.size(), 1u);
  EXPECT_EQ(message(text, {.target = "unused"}), "missing: not found");
  EXPECT_EQ(message(text, {.target = "aa"}), "target stage \"aa\" could not be found (did you mean a?)");
  const auto b = target(text, {.target = "b"});
  EXPECT_EQ(b.base_stage, 0u);
  EXPECT_EQ(history(b), (Texts{"+ base", "+ RUN /bin/sh -c a # buildkit", "+ RUN /bin/sh -c b # buildkit"}));
}

TEST(Plan, CopyFromNamesStagesNumbersAndImages) {
  const auto planned =
      plan("FROM debian AS a\nFROM scratch\nCOPY --from=0 /x /\nCOPY --from=A /x /\nCOPY --from=busybox /x /\n");
  ASSERT_TRUE(planned.plan) << planned.plan.error().message();
  const auto& steps = planned.plan->stages[planned.plan->target].steps;
  EXPECT_EQ(std::get<CopyStep>(steps[0].operation).from, 0u);
  EXPECT_EQ(std::get<CopyStep>(steps[1].operation).from, 0u);
  const auto image = std::get<CopyStep>(steps[2].operation).from;
  EXPECT_EQ(planned.plan->stages[*image].image->name, "docker.io/library/busybox");
}

TEST(Plan, DestinationsAreResolvedAgainstTheWorkingDirectory) {
  const auto stage = target("FROM workdir\nCOPY a .\nCOPY a x\nCOPY a x/\nCOPY a /y/../z\nCOPY a ..\nCOPY a /\n");
  Texts paths;
  for (const Step& step : stage.steps) paths.push_back(std::get<CopyStep>(step.operation).destination);
  EXPECT_EQ(paths, (Texts{"/srv/", "/srv/x", "/srv/x/", "/z", "/", "/"}));
}

TEST(Plan, ArgumentsComeFromTheCommandLineTheFileOrTheGlobalOnes) {
  const auto env = [](const std::string& text, PlanOptions options = {}) {
    const auto stage = target(text + "\nENV r=$v\n", std::move(options));
    return stage.config.config.env.back();
  };
  EXPECT_EQ(env("FROM debian\nARG v"), "r=");
  EXPECT_EQ(env("FROM debian\nARG v=1"), "r=1");
  EXPECT_EQ(env("FROM debian\nARG v=1", {.build_args = {{"v", "2"}}}), "r=2");
  EXPECT_EQ(env("ARG v=g\nFROM debian"), "r=");
  EXPECT_EQ(env("ARG v=g\nFROM debian\nARG v"), "r=g");
  EXPECT_EQ(env("ARG v=g\nFROM debian\nARG v=s"), "r=s");
  EXPECT_EQ(env("FROM debian\nARG v=${TARGETARCH:-none}"), "r=none");
  EXPECT_EQ(env("FROM debian\nARG TARGETARCH\nARG v=$TARGETARCH"), "r=amd64");
  EXPECT_EQ(env("ARG base=debian\nARG v=$base-x\nFROM $base\nARG v"), "r=debian-x");
  EXPECT_EQ(plan("FROM debian\nARG used\n", {.build_args = {{"used", "1"}, {"typo", "2"}}}).plan->unused_args,
            (Texts{"typo"}));
}

TEST(Plan, EntrypointTakesTheBasesCommandAway) {
  EXPECT_EQ(target("FROM debian\n").config.config.cmd, (Texts{"bash"}));
  EXPECT_EQ(target("FROM debian\nENTRYPOINT [\"x\"]\n").config.config.cmd, Texts{});
  EXPECT_EQ(target("FROM debian\nCMD a\nENTRYPOINT [\"x\"]\n").config.config.cmd, (Texts{"/bin/sh", "-c", "a"}));
  EXPECT_EQ(target("FROM debian\nCMD []\n").config.config.cmd, Texts{});
}

TEST(Plan, TriggersOfTheBaseComeFirstAndAreUsedUp) {
  const auto planned = plan("FROM debian AS tools\nFROM onbuild\nRUN own\n");
  ASSERT_TRUE(planned.plan) << planned.plan.error().message();
  const auto& stage = planned.plan->stages[planned.plan->target];
  ASSERT_EQ(stage.steps.size(), 3u);
  EXPECT_EQ(stage.steps[0].title, "[stage-1 2/4] ONBUILD RUN trigger onbuild");
  EXPECT_EQ(stage.steps[2].title, "[stage-1 4/4] RUN own");
  EXPECT_TRUE(stage.config.config.on_build.empty());
  const auto recorded = target("FROM debian\nONBUILD COPY . /app\n");
  EXPECT_EQ(recorded.config.config.on_build, (Texts{"COPY . /app"}));
  EXPECT_EQ(history(recorded), (Texts{"+ base"}));
}

TEST(Plan, HeredocsAreCommandsScriptsOrFiles) {
  const auto stage = target(
      "FROM debian\nENV n=1\nRUN <<EOF\necho a\nEOF\nRUN <<EOF\n#!/usr/bin/env python3\nprint()\nEOF\nRUN cat <<A | "
      "sh\nx\nA\n"
      "COPY <<f.txt <<'g.txt' /d/\n\"$n\"\nf.txt\n$n\ng.txt\n");
  EXPECT_EQ(std::get<RunStep>(stage.steps[0].operation).args, (Texts{"/bin/sh", "-c", "echo a\n"}));
  EXPECT_EQ(stage.steps[0].title, "[2/5] RUN <<EOF (echo a)");
  const auto& script = std::get<RunStep>(stage.steps[1].operation);
  EXPECT_EQ(script.args, (Texts{"/bin/sh", "-c", "/dev/pipes/EOF"}));
  EXPECT_EQ(script.script->text, "#!/usr/bin/env python3\nprint()\n");
  EXPECT_EQ(std::get<RunStep>(stage.steps[2].operation).args, (Texts{"/bin/sh", "-c", "cat <<A | sh\nx\nA"}));
  const auto& copy = std::get<CopyStep>(stage.steps[3].operation);
  EXPECT_EQ(copy.inline_files[0].text, "\"1\"\n");
  EXPECT_EQ(copy.inline_files[1].text, "$n\n");
  EXPECT_EQ(stage.steps[3].command, "COPY <<f.txt <<g.txt /d/");
}

TEST(Plan, LabelsOfTheCommandLineAreAdded) {
  EXPECT_EQ(target("FROM debian\nLABEL a=1 b=2\n", {.labels = {{"a", "9"}}}).config.config.labels,
            (std::map<std::string, std::string>{{"a", "9"}, {"b", "2"}}));
}

TEST(Plan, WhatIsNotExecutedYetIsRefusedWithItsPlace) {
  EXPECT_EQ(message("FROM a\nRUN --mount=type=cache,target=/c x\n"),
            "Dockerfile:2:1: RUN --mount is not supported yet");
  EXPECT_EQ(message("FROM a\nRUN --security=insecure x\n"),
            "Dockerfile:2:1: RUN --security=insecure is not supported yet");
  EXPECT_EQ(message("FROM a\nADD https://x/y /\n"), "Dockerfile:2:1: ADD of a URL (https://x/y) is not supported yet");
  EXPECT_EQ(message("FROM a\nADD https://x/y.git /\n"),
            "Dockerfile:2:1: ADD of a git repository (https://x/y.git) is not supported yet");
  EXPECT_EQ(message("FROM a\nCOPY --parents x /\n"), "Dockerfile:2:1: COPY --parents is not supported yet");
  EXPECT_EQ(message("FROM --platform=linux/s390x a\n"),
            "Dockerfile:1:1: FROM --platform=linux/s390x is not supported yet: this build is for linux/amd64");
}

TEST(Plan, MistakesAreNamedWithTheirPlace) {
  EXPECT_EQ(message("FROM a\nENV x=${y:?needed}\n"), "Dockerfile:2:1: failed to process \"${y:?needed}\": y: needed");
  EXPECT_EQ(message("FROM $nothing\n"), "Dockerfile:1:1: base name ($nothing) should not be blank");
  EXPECT_EQ(message("FROM a AS x\nCOPY --from=x /a /b\n"), "Dockerfile:2:1: circular dependency detected on stage: x");
  EXPECT_EQ(message("FROM a AS x\nCOPY --from=y /a /b\nFROM b AS y\n", {.target = "x"}),
            "Dockerfile:2:1: cannot copy from stage \"y\", it needs to be defined before current stage \"x\"");
  EXPECT_EQ(message("FROM a\nCOPY --from=7 /a /b\n"), "Dockerfile:2:1: invalid stage index 7");
  EXPECT_TRUE(message("FROM a\nCOPY --from=$x /a /b\n")
                  .starts_with("Dockerfile:2:1: variable expansion is not supported for --from"));
  EXPECT_EQ(message("FROM a\nCOPY http://x /b\n"), "Dockerfile:2:1: source can't be a URL for COPY");
  EXPECT_EQ(message("FROM a\nEXPOSE 70000\n"), "Dockerfile:2:1: invalid containerPort: 70000");
  EXPECT_EQ(message("FROM a\nEXPOSE 80/icmp\n"), "Dockerfile:2:1: invalid port: \"80/icmp\": invalid proto: icmp");
  EXPECT_TRUE(message("FROM a\nCOPY --chmod=99 a /b\n").starts_with("Dockerfile:2:1: invalid chmod parameter: '99'"));
  EXPECT_TRUE(plan("FROM missing\n").diagnostics.error_range.has_value());
}

TEST(History, DurationsAndQuotesAreGos) {
  using namespace std::chrono_literals;
  EXPECT_EQ(go_duration(90s), "1m30s");
  EXPECT_EQ(go_duration(1500ms), "1.5s");
  EXPECT_EQ(go_duration(2h), "2h0m0s");
  EXPECT_EQ(go_duration(30ms), "30ms");
  EXPECT_EQ(go_quote("a\"b\\\n\x01"), "\"a\\\"b\\\\\\n\\x01\"");
}

}  // namespace
}  // namespace strata::build
