#include "images/archive_index.h"

#include <gtest/gtest.h>

namespace strata::images {
namespace {

constexpr std::string_view kA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

std::string message(const auto& result) { return result ? "" : result.error().message(); }

TEST(ArchiveNames, AreCleanedAndStayInside) {
  EXPECT_EQ(*member_name("./a//b/"), "a/b");
  EXPECT_EQ(*member_name("./"), "");
  for (const char* name : {"/etc/passwd", "../a", "a/../../b", "a/../b"})
    EXPECT_EQ(message(member_name(name)), fmt::format("\"{}\" leads out of the archive", name));
}

TEST(ArchiveNames, LinksLeadWhereTheyLie) {
  EXPECT_EQ(*linked_member("x/layer.tar", "../y/layer.tar"), "y/layer.tar");
  EXPECT_EQ(*linked_member("a", "b"), "b");
  EXPECT_FALSE(linked_member("a", "../b"));
  EXPECT_FALSE(linked_member("x/a", "/b"));
}

TEST(ArchiveNames, SayWhatTheyPromise) {
  const auto a = oci::Digest::from_hex(kA);
  EXPECT_EQ(promised_digest(fmt::format("blobs/sha256/{}", kA)), *a);
  EXPECT_EQ(promised_digest(fmt::format("{}.json", kA)), *a);
  EXPECT_EQ(promised_digest(fmt::format("{}.tar", kA)), *a);
  EXPECT_EQ(promised_digest(fmt::format("{}/layer.tar", kA)), std::nullopt);
  EXPECT_EQ(promised_digest("blobs/sha256/short"), std::nullopt);
}

TEST(DockerManifest, RoundTrip) {
  const std::vector<DockerImage> images = {
      {.config = "c.json",
       .tags = {oci::Reference::parse("nginx:1").value(), oci::Reference::parse("host:5000/a:b").value()},
       .layers = {"a/layer.tar", "b.tar"}},
      {.config = "d.json"}};
  const std::string text = docker_manifest_json(images);
  EXPECT_EQ(text, R"([{"Config":"c.json","RepoTags":["nginx:1","host:5000/a:b"],"Layers":["a/layer.tar","b.tar"]},)"
                  R"({"Config":"d.json","RepoTags":null,"Layers":[]}])"
                  "\n");
  EXPECT_EQ(*parse_docker_manifest(text), images);
}

TEST(DockerManifest, NamesWhatIsWrong) {
  const auto refused = [](std::string_view text) { return message(parse_docker_manifest(text)); };
  EXPECT_EQ(refused("{}"), "manifest.json should be a list, not object");
  EXPECT_EQ(refused("[1]"), "manifest.json: image 0: should be an object");
  EXPECT_EQ(refused("[{}]"), R"(manifest.json: image 0: "Config" is missing)");
  EXPECT_EQ(refused(R"([{"Config":"../x"}])"), R"(manifest.json: image 0: "../x" leads out of the archive)");
  EXPECT_EQ(refused(R"([{"Config":"c","Layers":["/etc/shadow"]}])"),
            R"(manifest.json: image 0: "/etc/shadow" leads out of the archive)");
  EXPECT_EQ(refused(R"([{"Config":"c","RepoTags":["nginx"]}])"),
            R"(manifest.json: image 0: "nginx" is no name with a tag)");
  EXPECT_NE(refused(R"([{"Config":"c","RepoTags":["No Name:1"]}])").find("No Name:1"), std::string::npos);
  EXPECT_EQ(refused(std::string(kMaxArchiveIndex + 1, ' ')),
            "manifest.json of 4194305 bytes: the limit is 4194304 (4 MiB)");
  std::string many = "[";
  for (std::size_t i = 0; i <= kMaxArchiveImages; ++i) many += i == 0 ? "{}" : ",{}";
  EXPECT_EQ(refused(many + "]"), "manifest.json names 10001 images: the limit is 10000");
  EXPECT_FALSE(parse_docker_manifest(std::string(100'000, '[')));
}

std::string index_with(std::string_view annotations, std::string_view more = "") {
  return fmt::format(R"({{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
                     R"("digest":"sha256:{}","size":7,"annotations":{{{}}}}}{}]}})",
                     kA, annotations, more);
}

TEST(LayoutIndex, NamesComeFromAnnotations) {
  const auto name = [](std::string_view annotations) -> std::string {
    const auto images = parse_layout_index(index_with(annotations));
    if (!images) return images.error().message();
    return images->at(0).name ? images->at(0).name->to_string() : "none";
  };
  EXPECT_EQ(name(""), "none");
  EXPECT_EQ(name(R"("io.containerd.image.name":"docker.io/library/a:1","org.opencontainers.image.ref.name":"1")"),
            "docker.io/library/a:1");
  EXPECT_EQ(name(R"("org.opencontainers.image.ref.name":"localhost/a:1")"), "localhost/a:1");
  EXPECT_EQ(name(R"("org.opencontainers.image.ref.name":"latest")"), "none");
  EXPECT_EQ(name(R"("org.opencontainers.image.ref.name":"What Ever: you like")"), "none");
  EXPECT_NE(name(R"("io.containerd.image.name":"No Name")").find("invalid reference format"), std::string::npos);
}

TEST(LayoutIndex, SaysWhatRidesAlong) {
  const auto images = parse_layout_index(index_with(fmt::format(
      R"("dev.strata.kept-manifests":"sha256:{0}","dev.strata.repo-digests":"a@sha256:{0},b/c@sha256:{0}")", kA)));
  ASSERT_TRUE(images) << message(images);
  EXPECT_EQ(images->at(0).kept_manifests.size(), 1U);
  ASSERT_EQ(images->at(0).repo_digests.size(), 2U);
  EXPECT_EQ(images->at(0).repo_digests[1].to_string(), fmt::format("docker.io/b/c@sha256:{}", kA));
  EXPECT_FALSE(parse_layout_index(index_with(R"("dev.strata.kept-manifests":"sha256:12")")));
  EXPECT_FALSE(parse_layout_index(index_with(R"("dev.strata.repo-digests":"a:1")")));
}

TEST(LayoutIndex, WhatIsNoImageIsLeftOut) {
  const auto images = parse_layout_index(index_with(
      "",
      fmt::format(
          R"(,{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{0}","size":7,"platform":{{"os":"unknown","architecture":"unknown"}}}})"
          R"(,{{"mediaType":"application/vnd.example","digest":"sha256:{0}","size":7}})",
          kA)));
  ASSERT_TRUE(images) << message(images);
  EXPECT_EQ(images->size(), 1U);
  EXPECT_FALSE(parse_layout_index(R"({"schemaVersion":2,"config":{},"layers":[]})"));
  EXPECT_FALSE(parse_layout_index("[]"));
}

TEST(LayoutVersion, OneIsKnown) {
  EXPECT_TRUE(check_oci_layout(kOciLayout));
  EXPECT_EQ(message(check_oci_layout(R"({"imageLayoutVersion":"2.0.0"})")),
            R"(OCI layout version "2.0.0" is not supported)");
  EXPECT_FALSE(check_oci_layout("{}"));
}

}  // namespace
}  // namespace strata::images
