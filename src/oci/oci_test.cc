#include "oci/chain_id.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include <gtest/gtest.h>

namespace strata::oci {
namespace {

constexpr const char* kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Digest digest_of_letter(char c) { return Digest::from_hex(std::string(64, c)).value(); }

TEST(Digest, ParsesPrintsAndHashes) {
  EXPECT_EQ(Digest::of("").hex(), kEmptyHash);
  const std::string text = std::string("sha256:") + kEmptyHash;
  EXPECT_EQ(Digest::parse(text).value().to_string(), text);
  EXPECT_EQ(Digest::parse(text).value().short_hex(), "e3b0c44298fc");
  EXPECT_TRUE(Digest().empty());
  EXPECT_EQ(Digest().to_string(), "");
}

TEST(Digest, RefusesInDockersWords) {
  const auto message = [](std::string_view text) { return Digest::parse(text).error().message(); };
  EXPECT_EQ(message(""), "invalid checksum digest format");
  EXPECT_EQ(message("sha256"), "invalid checksum digest format");
  EXPECT_EQ(message("sha256:"), "invalid checksum digest format");
  EXPECT_EQ(message("sha256:ab"), "invalid checksum digest length");
  EXPECT_EQ(message("sha256:" + std::string(64, 'A')), "invalid checksum digest format");
  EXPECT_EQ(message("sha256:../" + std::string(61, 'a')), "invalid checksum digest format");
  EXPECT_EQ(message("md5:" + std::string(32, 'a')), "unsupported digest algorithm");
}

struct Parsed {
  const char* typed;
  const char* canonical;
  const char* familiar;
};

TEST(Reference, NormalizesAsDockerDoes) {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  const Parsed table[] = {
      {"nginx", "docker.io/library/nginx", "nginx"},
      {"nginx:1.27", "docker.io/library/nginx:1.27", "nginx:1.27"},
      {"library/nginx", "docker.io/library/nginx", "nginx"},
      {"docker.io/nginx", "docker.io/library/nginx", "nginx"},
      {"index.docker.io/nginx:x", "docker.io/library/nginx:x", "nginx:x"},
      {"user/app", "docker.io/user/app", "user/app"},
      {"docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"},
      {"docker.io/a.b/c", "docker.io/a.b/c", "docker.io/a.b/c"},
      {"localhost/app", "localhost/app", "localhost/app"},
      {"localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"},
      {"127.0.0.1:5000/library/nginx", "127.0.0.1:5000/library/nginx", "127.0.0.1:5000/library/nginx"},
      {"[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"},
      {"quay.io/a/b_c/d__e/f-g/h.i:T-1", "quay.io/a/b_c/d__e/f-g/h.i:T-1", "quay.io/a/b_c/d__e/f-g/h.i:T-1"},
      {"Host/app", "Host/app", "Host/app"},
      {"app:5000", "docker.io/library/app:5000", "app:5000"},
      {"a---b", "docker.io/library/a---b", "a---b"},
  };
  for (const Parsed& row : table) {
    const auto reference = Reference::parse(row.typed);
    ASSERT_TRUE(reference) << row.typed << ": " << reference.error().message();
    EXPECT_EQ(reference->to_string(), row.canonical);
    EXPECT_EQ(reference->familiar(), row.familiar);
    // What is shown must name the same thing when it is typed again.
    EXPECT_EQ(Reference::parse(reference->familiar()).value(), *reference);
    EXPECT_EQ(Reference::parse(reference->to_string()).value(), *reference);
    const auto with_digest = Reference::parse(row.typed + digest);
    ASSERT_TRUE(with_digest) << row.typed;
    EXPECT_EQ(with_digest->to_string(), row.canonical + digest);
    EXPECT_EQ(with_digest->tag, reference->tag);
  }
}

TEST(Reference, RefusesInDockersWords) {
  const std::pair<std::string, std::string> table[] = {
      {"", "invalid reference format"},
      {"-x", "invalid reference format"},
      {"--rm", "invalid reference format"},
      {"a:", "invalid reference format"},
      {"a:b:c", "invalid reference format"},
      {"a@b", "invalid reference format"},
      {"a b", "invalid reference format"},
      {"/a", "invalid reference format"},
      {"a/", "invalid reference format"},
      {"a//b", "invalid reference format"},
      {"a..b", "invalid reference format"},
      {"a___b", "invalid reference format"},
      {"../a", "invalid reference format"},
      {"x.y/../a", "invalid reference format"},
      {"a:" + std::string(129, 't'), "invalid reference format"},
      {"host:port/app", "invalid reference format"},
      {"https://host/app", "invalid reference format"},
      {"a@sha256:ab", "invalid reference format"},
      {"a@sha256:" + std::string(40, 'a'), "invalid checksum digest length"},
      {"a@sha1:" + std::string(40, 'a'), "unsupported digest algorithm"},
      {"Nginx", "invalid reference format: repository name (library/Nginx) must be lowercase"},
      {"user/App:T", "invalid reference format: repository name (user/App) must be lowercase"},
      {std::string(64, 'a'),
       "invalid repository name (" + std::string(64, 'a') + "), cannot specify 64-byte hexadecimal strings"},
      {"a/" + std::string(300, 'b'), "repository name must not be more than 255 characters"},
  };
  for (const auto& [typed, message] : table) {
    const auto reference = Reference::parse(typed);
    ASSERT_FALSE(reference) << typed;
    EXPECT_EQ(reference.error().message(), message) << typed;
  }
}

TEST(Reference, DefaultTagOnlyWhereNothingIsSaid) {
  EXPECT_EQ(Reference::parse("a")->with_default_tag().familiar(), "a:latest");
  EXPECT_EQ(Reference::parse("a:1")->with_default_tag().familiar(), "a:1");
  const std::string by_digest = "a@sha256:" + std::string(64, 'b');
  EXPECT_EQ(Reference::parse(by_digest)->with_default_tag().familiar(), by_digest);
}

TEST(Platform, ParsesWithTheUsualOtherNames) {
  EXPECT_EQ(parse_platform("linux/arm/v7")->to_string(), "linux/arm/v7");
  EXPECT_EQ(parse_platform("Linux/x86_64")->to_string(), "linux/amd64");
  EXPECT_EQ(parse_platform("aarch64")->to_string(), "linux/arm64");
  EXPECT_EQ(parse_platform("linux/armhf")->to_string(), "linux/arm/v7");
  EXPECT_EQ(parse_platform("windows")->os, "windows");
  for (const char* bad : {"", "/", "linux/", "a/b/c/d", "linux/am d64"}) EXPECT_FALSE(parse_platform(bad)) << bad;
}

TEST(Platform, MatchesNotNewerVariants) {
  const auto match = [](const char* wanted, const char* have) {
    return matches(parse_platform(wanted).value(), parse_platform(have).value());
  };
  EXPECT_TRUE(match("linux/amd64", "linux/amd64"));
  EXPECT_TRUE(match("linux/arm64", "linux/arm64/v8"));
  EXPECT_TRUE(match("linux/arm/v7", "linux/arm/v6"));
  EXPECT_TRUE(match("linux/amd64/v3", "linux/amd64"));
  EXPECT_FALSE(match("linux/amd64", "linux/amd64/v2"));
  EXPECT_FALSE(match("linux/arm/v6", "linux/arm/v7"));
  EXPECT_FALSE(match("linux/amd64", "linux/386"));
  EXPECT_FALSE(match("linux/amd64", "windows/amd64"));
}

TEST(ChainId, FollowsTheSpecsFormula) {
  const Digest a = digest_of_letter('a');
  const Digest b = digest_of_letter('b');
  const Digest c = digest_of_letter('c');
  const Digest diff_ids[] = {a, b, c};
  const auto chain = chain_ids(diff_ids);
  ASSERT_EQ(chain.size(), 3u);
  EXPECT_EQ(chain[0], a);
  EXPECT_EQ(chain[1], Digest::of(a.to_string() + " " + b.to_string()));
  EXPECT_EQ(chain[2], Digest::of(chain[1].to_string() + " " + c.to_string()));
  EXPECT_TRUE(chain_ids({}).empty());
}

std::string descriptor_json(char letter, const char* extra = "") {
  return R"({"mediaType":"t","size":7,"digest":"sha256:)" + std::string(64, letter) + '"' + extra + "}";
}

TEST(Manifest, ReadsBothFamiliesAndWritesThemBack) {
  for (const std::string_view type : {media_type::kOciManifest, media_type::kDockerManifest}) {
    const std::string text = R"({"schemaVersion":2,"mediaType":")" + std::string(type) + R"(","config":)" +
                             descriptor_json('c') + R"(,"layers":[)" + descriptor_json('1') + "," +
                             descriptor_json('2') + R"(],"annotations":{"k":"v"}})";
    const auto parsed = parse_manifest(text, type);
    ASSERT_TRUE(parsed) << parsed.error().message();
    const auto& manifest = std::get<Manifest>(*parsed);
    EXPECT_EQ(manifest.media_type, type);
    EXPECT_EQ(manifest.config.digest, digest_of_letter('c'));
    ASSERT_EQ(manifest.layers.size(), 2u);
    EXPECT_EQ(manifest.layers[1].size, 7u);
    EXPECT_EQ(manifest.annotations.at("k"), "v");
    const auto again = parse_manifest(manifest.to_json());
    ASSERT_TRUE(again);
    EXPECT_EQ(std::get<Manifest>(*again).to_json(), manifest.to_json());
  }
}

TEST(Manifest, TheTypeMayStandOnlyInTheHeaderOrNowhere) {
  const std::string text = R"({"schemaVersion":2,"config":)" + descriptor_json('c') + R"(,"layers":[]})";
  EXPECT_EQ(std::get<Manifest>(*parse_manifest(text)).media_type, media_type::kOciManifest);
  EXPECT_EQ(std::get<Manifest>(*parse_manifest(text, media_type::kDockerManifest)).media_type,
            media_type::kDockerManifest);
  EXPECT_TRUE(parse_manifest(text, "application/json; charset=utf-8"));
}

TEST(Manifest, RefusesWhatIsAmbiguousOrBroken) {
  const std::pair<std::string, std::string> table[] = {
      {"", "manifest: broken JSON at byte 1"},
      {"[]", "manifest: should be an object, not array"},
      {R"({"schemaVersion":2})", "manifest: \"config\" is missing"},
      {R"({"schemaVersion":1,"fsLayers":[]})",
       "manifest: Docker image manifest schema 1 is not supported; push the image again with a "
       "current tool"},
      {R"({"config":)" + descriptor_json('c') + R"(,"manifests":[]})",
       "manifest: ambiguous: both a manifest and an index"},
      {R"({"config":)" + descriptor_json('c') + R"(,"layers":[{"mediaType":"t","size":-1,"digest":"sha256:)" +
           std::string(64, 'a') + "\"}]}",
       "manifest: layers[0]: \"size\" is missing or negative"},
      {R"({"config":{"mediaType":"t","size":1,"digest":"sha256:../../x"}})",
       "manifest: config: \"digest\": invalid checksum digest format"},
      {R"({"config":)" + descriptor_json('c') + R"(,"layers":{}})",
       "manifest: \"layers\" should be a list, not object"},
      {R"({"mediaType":"application/vnd.cncf.helm","config":)" + descriptor_json('c') + "}",
       "manifest: unsupported manifest media type application/vnd.cncf.helm"},
      {R"({"mediaType":"application/vnd.oci.image.index.v1+json","config":)" + descriptor_json('c') + "}",
       "manifest: the media type says index, the content is a manifest"},
  };
  for (const auto& [text, message] : table) {
    const auto parsed = parse_manifest(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message(), message);
  }
  const std::string disagreeing =
      R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" + descriptor_json('c') + "}";
  EXPECT_FALSE(parse_manifest(disagreeing, media_type::kDockerManifest));
  EXPECT_EQ(parse_manifest(std::string(kMaxManifestSize + 1, ' ')).error().message(),
            "manifest of 4194305 bytes: the limit is 4194304 (4 MiB)");
}

TEST(Index, ChoosesThePlatformsManifest) {
  const std::string text = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
                           descriptor_json('1', R"(,"platform":{"os":"linux","architecture":"arm","variant":"v5"})") +
                           "," +
                           descriptor_json('2', R"(,"platform":{"os":"linux","architecture":"arm","variant":"v7"})") +
                           "," + descriptor_json('3', R"(,"platform":{"os":"linux","architecture":"amd64"})") + "," +
                           descriptor_json('4', R"(,"platform":{"os":"unknown","architecture":"unknown"})") + "]}";
  const auto parsed = parse_manifest(text);
  ASSERT_TRUE(parsed) << parsed.error().message();
  const auto& index = std::get<Index>(*parsed);
  const auto choose = [&](const char* platform) { return choose_manifest(index, parse_platform(platform).value()); };
  EXPECT_EQ(choose("linux/amd64")->digest, digest_of_letter('3'));
  EXPECT_EQ(choose("linux/arm/v7")->digest, digest_of_letter('2'));
  EXPECT_EQ(choose("linux/arm/v6")->digest, digest_of_letter('1'));
  EXPECT_EQ(choose("linux/s390x").error().message(),
            "no matching manifest for linux/s390x in the manifest list entries");
  EXPECT_EQ(std::get<Index>(*parse_manifest(index.to_json())).to_json(), index.to_json());
}

// As Docker's official nginx image has it (shortened).
constexpr std::string_view kNginxConfig = R"({
 "architecture": "amd64",
 "config": {
  "ArgsEscaped": true,
  "Cmd": ["nginx", "-g", "daemon off;"],
  "Entrypoint": ["/docker-entrypoint.sh"],
  "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "NGINX_VERSION=1.27.3"],
  "ExposedPorts": {"80/tcp": {}},
  "Healthcheck": {"Test": ["CMD-SHELL", "curl -f http://localhost/"], "Interval": 30000000000},
  "Hostname": "", "Image": "sha256:aa", "Labels": {"maintainer": "NGINX <a@b>"}, "OnBuild": null,
  "StopSignal": "SIGQUIT", "Tty": false, "User": "", "Volumes": null, "WorkingDir": ""
 },
 "created": "2024-11-26T18:42:08Z",
 "history": [
  {"created": "2024-11-12T01:21:33Z", "created_by": "/bin/sh -c #(nop) ADD file:x in / "},
  {"created": "2024-11-12T01:21:34Z", "created_by": "CMD [\"bash\"]", "empty_layer": true, "comment": "buildkit"}
 ],
 "os": "linux",
 "rootfs": {"diff_ids": ["sha256:c3548211b8264f8b0ff1e9ff1a7b4e1ffdfb1b0cb8d9c9c8bb0c8a1ff4fa3c2e"], "type": "layers"}
})";

TEST(ImageConfig, KeepsWhatDockersImagesSay) {
  const auto image = ImageConfig::parse(kNginxConfig);
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_EQ(image->architecture, "amd64");
  EXPECT_EQ(image->config.cmd, (std::vector<std::string>{"nginx", "-g", "daemon off;"}));
  EXPECT_EQ(image->config.exposed_ports, (std::set<std::string>{"80/tcp"}));
  EXPECT_EQ(image->config.stop_signal, "SIGQUIT");
  EXPECT_EQ(image->config.healthcheck, R"({"Interval":30000000000,"Test":["CMD-SHELL","curl -f http://localhost/"]})");
  EXPECT_EQ(image->history.size(), 2u);
  EXPECT_TRUE(image->history[1].empty_layer);
  EXPECT_TRUE(image->config.args_escaped);
  EXPECT_EQ(ImageConfig::parse(image->to_json()).value(), *image);
}

TEST(ImageConfig, BytesAreDeterministic) {
  ImageConfig image;
  image.created = "2026-01-02T03:04:05Z";
  image.architecture = "amd64";
  image.os = "linux";
  image.config.env = {"B=2", "A=1"};
  image.config.labels = {{"b", "2"}, {"a", "1"}};
  image.config.volumes = {"/data"};
  image.diff_ids = {digest_of_letter('a')};
  image.history = {{.created_by = "RUN x", .empty_layer = true}};
  EXPECT_EQ(image.to_json(), R"({"created":"2026-01-02T03:04:05Z","architecture":"amd64","os":"linux",)"
                             R"("config":{"Env":["B=2","A=1"],"Volumes":{"/data":{}},"Labels":{"a":"1","b":"2"}},)"
                             R"("rootfs":{"type":"layers","diff_ids":["sha256:)" +
                                 std::string(64, 'a') +
                                 R"("]},"history":[{"created_by":"RUN x","empty_layer":true}]})");
}

TEST(ImageConfig, BytesThatAreNotUtf8BecomeTheReplacementCharacter) {
  ImageConfig image;
  image.config.env = {"X=\xff"};
  EXPECT_NE(image.to_json().find("X=\xef\xbf\xbd"), std::string::npos);
}

TEST(ImageConfig, RefusesBrokenOnesNamingTheMember) {
  const std::pair<const char*, const char*> table[] = {
      {"{", "image config: broken JSON at byte 2"},
      {"{}", "image config: \"rootfs\" is missing"},
      {R"({"rootfs":{"diff_ids":["x"]}})", "image config: rootfs: diff_ids[0]: invalid checksum digest format"},
      {R"({"rootfs":{},"config":{"Env":"x"}})",
       "image config: config: \"Env\" should be a list of strings, not string"},
      {R"({"rootfs":{},"config":{"ExposedPorts":[]}})",
       "image config: config: \"ExposedPorts\" should be an object, not array"},
      {R"({"rootfs":{"type":"x"}})", "image config: rootfs: type \"x\" is not \"layers\""},
  };
  for (const auto& [text, message] : table) {
    const auto image = ImageConfig::parse(text);
    ASSERT_FALSE(image) << text;
    EXPECT_EQ(image.error().message(), message);
    EXPECT_EQ(image.error().kind() == ErrorKind::kCorrupt || image.error().kind() == ErrorKind::kUnsupported, true);
  }
}

}  // namespace
}  // namespace strata::oci
