#include "registry/challenge.h"

#include <gtest/gtest.h>

namespace strata::registry {
namespace {

std::optional<Challenge> parse(std::string value) { return parse_challenge({{"www-authenticate", std::move(value)}}); }

TEST(Challenge, ReadsDockerHubs) {
  const auto challenge = parse(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push",error="invalid_token")");
  ASSERT_TRUE(challenge);
  EXPECT_TRUE(challenge->bearer);
  EXPECT_EQ(challenge->realm, "https://auth.docker.io/token");
  EXPECT_EQ(challenge->service, "registry.docker.io");
  EXPECT_EQ(challenge->scope, "repository:library/nginx:pull,push");
  EXPECT_EQ(challenge->error, "invalid_token");
}

TEST(Challenge, PrefersBearerAmongSeveral) {
  EXPECT_TRUE(parse(R"(Basic realm="x", Bearer realm="https://t")")->bearer);
  EXPECT_TRUE(
      parse_challenge({{"www-authenticate", "Basic realm=x"}, {"www-authenticate", "bearer realm=https://t"}})->bearer);
  EXPECT_FALSE(parse(R"(Negotiate, Basic realm="a, b=\"c\"")")->bearer);
  EXPECT_EQ(parse(R"(Basic realm="a, b=\"c\"")")->realm, R"(a, b="c")");
}

TEST(Challenge, WhatWeCannotAnswerIsNone) {
  EXPECT_FALSE(parse("Negotiate"));
  EXPECT_FALSE(parse("Bearer"));
  EXPECT_FALSE(parse(""));
  EXPECT_FALSE(parse(R"(Bearer realm=)"));
  EXPECT_FALSE(parse(R"("unterminated)"));
  EXPECT_FALSE(parse_challenge({}));
}

}  // namespace
}  // namespace strata::registry
