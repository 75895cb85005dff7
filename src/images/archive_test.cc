// Save and load with a store of their own and real workers; archives are made by hand where they
// are hostile.
#include "images/archive.h"

#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <thread>

#include "codec/compression.h"
#include "codec/tar_fixture.h"
#include "images/archive_index.h"
#include "images/images.h"
#include "images/records.h"
#include "images/squash.h"
#include "layers/layers.h"
#include "layers/test_store.h"
#include "oci/manifest.h"
#include "store/database.h"
#include "store/lease.h"
#include "sys/event_loop.h"
#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::images {
namespace {

namespace fixture = codec::fixture;
using layers::test::Tar;

oci::Reference reference(std::string_view text) { return oci::Reference::parse(text).value(); }

class Silent : public LoadProgress {
 public:
  void layer(std::string_view, std::uint64_t, std::uint64_t) override {}
};

// An archive's files; tar() packs them in the order of their names, or backwards.
struct Files : std::map<std::string, std::string> {
  using std::map<std::string, std::string>::map;
  std::string tar(bool backwards = false) const {
    std::string bytes;
    for (const auto& [name, data] : *this) {
      const std::string member = fixture::file(name, data);
      bytes = backwards ? member + bytes : bytes + member;
    }
    return bytes + fixture::end();
  }
};

class ArchiveTest : public ::testing::Test {
 protected:
  // In the build's directory: layers are mounted there.
  sys::TempDir directory_ = sys::TempDir::create(*sys::own_directory()).value();
  std::vector<store::Schema> schemas_{Images::schema(), layers::schema()};
  std::unique_ptr<store::Store> store_ = store::Store::open({directory_.path() + "/root", directory_.path() + "/run"},
                                                            schemas_, {.settle_in_background = false})
                                             .value();
  layers::Layers layers_{*store_, layers::Options{.worker_program = *sys::own_directory() + "/strata-layer"}};
  Images images_{*store_, layers_};
  LoadOptions options_;

  void TearDown() override { EXPECT_TRUE(layers_.unmount_unused({})); }

  std::string layer(std::string_view path, std::string_view data) {
    return Tar().dir("d").file(std::string(path), data).bytes();
  }
  // An image of these tars, as docker's table describes it.
  struct Made {
    Files files;
    std::string config;
    oci::Digest id;
  };
  static Made docker_archive(const std::vector<std::string>& tars, const std::string& tag,
                             const std::vector<oci::Digest>& diff_ids = {}) {
    Made made;
    oci::ImageConfig config;
    config.os = "linux";
    config.architecture = "amd64";
    DockerImage image{.config = "config.json"};
    if (!tag.empty()) image.tags.push_back(reference(tag));
    for (std::size_t i = 0; i < tars.size(); ++i) {
      image.layers.push_back(fmt::format("{}/layer.tar", i));
      made.files[image.layers.back()] = tars[i];
      config.diff_ids.push_back(i < diff_ids.size() ? diff_ids[i] : oci::Digest::of(tars[i]));
    }
    made.config = config.to_json();
    made.id = oci::Digest::of(made.config);
    made.files["config.json"] = made.config;
    made.files["manifest.json"] = docker_manifest_json(std::span(&image, 1));
    return made;
  }
  static std::string put(Files& files, const std::string& bytes) {
    const oci::Digest digest = oci::Digest::of(bytes);
    files[blob_member(digest)] = bytes;
    return digest.to_string();
  }
  static oci::Descriptor descriptor(std::string_view type, const std::string& bytes) {
    return {.media_type = std::string(type), .digest = oci::Digest::of(bytes), .size = bytes.size()};
  }
  static std::string gzip(std::string_view bytes) {
    codec::MemorySink sink;
    auto compressor = codec::compress(codec::Compression::kGzip, sink).value();
    EXPECT_TRUE(compressor->write(std::as_bytes(std::span(bytes))));
    EXPECT_TRUE(compressor->finish());
    return sink.take();
  }

  Result<std::vector<Loaded>> load_file(const std::string& bytes) {
    const sys::UniqueFd file = sys::memory_file("archive", bytes).value();
    Silent progress;
    return load(images_, file.get(), options_, progress);
  }
  Result<std::vector<Loaded>> load_stream(const std::string& bytes) {
    const sys::NoPipeSignal no_pipe_signal;
    sys::Pipe pipe = sys::make_pipe().value();
    std::jthread writer([&bytes, out = std::move(pipe.write)] { (void)sys::write_all(out.get(), bytes); });
    Silent progress;
    auto loaded = load(images_, pipe.read.get(), options_, progress);
    pipe.read.reset();
    return loaded;
  }
  // Both ways must say the same; nothing may stay.
  void expect_refused(const std::string& bytes, std::string_view text) {
    for (const bool stream : {false, true}) {
      const auto loaded = stream ? load_stream(bytes) : load_file(bytes);
      ASSERT_FALSE(loaded) << text;
      EXPECT_NE(loaded.error().message().find(text), std::string::npos)
          << (stream ? "stream: " : "file: ") << loaded.error().message();
      expect_nothing();
    }
  }
  void expect_nothing() {
    EXPECT_TRUE(images_.list()->empty());
    EXPECT_TRUE(layers_.usage()->empty());
    if (const auto files = sys::list_directory(directory_.path() + "/root/layers")) {
      EXPECT_TRUE(files->empty()) << files->front();
    }
    EXPECT_TRUE(sys::list_directory(directory_.path() + "/root/leases")->empty());
  }
  void forget_all() {
    (void)images_.prune(true, [] { return Result<std::vector<ImageUse>>(); });
    expect_nothing();
  }
  std::string save_all(std::vector<std::string> names, SaveOptions options = {}) {
    const sys::UniqueFd file = sys::memory_file("saved", "").value();
    const auto saved = save(images_, names, options, file.get());
    EXPECT_TRUE(saved) << saved.error().message();
    EXPECT_EQ(::lseek(file.get(), 0, SEEK_SET), 0);
    return sys::read_fd(file.get(), 64 << 20).value();
  }
};

TEST_F(ArchiveTest, TheOldLayoutInAnyOrder) {
  const Made made = docker_archive({layer("d/a", "one"), layer("d/b", "two")}, "a:1");
  for (const bool backwards : {false, true})
    for (const bool stream : {false, true}) {
      const std::string tar = made.files.tar(backwards);
      const auto loaded = stream ? load_stream(tar) : load_file(tar);
      ASSERT_TRUE(loaded) << loaded.error().message();
      ASSERT_EQ(loaded->size(), 1U);
      EXPECT_EQ(loaded->front().id, made.id);
      EXPECT_EQ(loaded->front().tags, std::vector{reference("a:1")});
      EXPECT_EQ(images_.find("a:1")->chain_ids.size(), 2U);
      forget_all();
    }
}

TEST_F(ArchiveTest, SharedLayersMayBeSymlinksOrHardLinks) {
  Made made = docker_archive({layer("d/a", "one")}, "a:1");
  const std::string tar = made.files.extract("0/layer.tar").mapped();
  for (const char type : {'1', '2'}) {
    const std::string link =
        fixture::block({.name = "0/layer.tar", .type = type, .link = type == '1' ? "real/layer" : "../real/layer"});
    const std::string bytes = link + fixture::file("real/layer", tar) + made.files.tar();
    for (const bool stream : {false, true}) {
      const auto loaded = stream ? load_stream(bytes) : load_file(bytes);
      EXPECT_TRUE(loaded) << loaded.error().message();
      forget_all();
    }
  }
}

TEST_F(ArchiveTest, CompressedInsideAndOutside) {
  const std::string tar = layer("d/a", "one");
  const Made made = docker_archive({gzip(tar)}, "a:1", {oci::Digest::of(tar)});
  const std::string bytes = gzip(made.files.tar());
  for (const bool stream : {false, true}) {
    const auto loaded = stream ? load_stream(bytes) : load_file(bytes);
    ASSERT_TRUE(loaded) << loaded.error().message();
    forget_all();
  }
  expect_refused(bytes.substr(0, bytes.size() - 20), "gzip");
}

TEST_F(ArchiveTest, SavedAndLoadedAgainItIsTheSame) {
  ASSERT_TRUE(load_file(docker_archive({layer("d/a", "one"), layer("d/b", "two")}, "a:1").files.tar()));
  ASSERT_TRUE(load_file(docker_archive({layer("d/a", "one"), layer("d/c", "three")}, "b:1").files.tar()));
  const oci::Digest a = images_.find("a:1")->id, b = images_.find("b:1")->id;
  for (const auto format : {ArchiveFormat::kCombined, ArchiveFormat::kDockerArchive, ArchiveFormat::kOciArchive}) {
    const std::string saved = save_all({"a:1", "b"}, {.format = format});
    EXPECT_EQ(save_all({"a:1", "b"}, {.format = format}), saved);
    forget_all();
    for (const bool stream : {true, false}) {
      const auto loaded = stream ? load_stream(saved) : load_file(saved);
      ASSERT_TRUE(loaded) << loaded.error().message();
      EXPECT_EQ(images_.find("a:1")->id, a);
      EXPECT_EQ(images_.find("b:1")->id, b);
      EXPECT_EQ(layers_.usage()->size(), 3U);
      if (stream) forget_all();
    }
  }
}

TEST_F(ArchiveTest, WhatIsHereAlreadyIsNotReadAgain) {
  Made made = docker_archive({layer("d/a", "one")}, "a:1");
  ASSERT_TRUE(load_file(made.files.tar()));
  // The layer could not be unpacked: nobody tries to.
  made.files["0/layer.tar"] = std::string(1000, 'x');
  EXPECT_TRUE(load_file(made.files.tar()));
  EXPECT_TRUE(load_stream(made.files.tar()));
}

TEST_F(ArchiveTest, ATagThatMovesIsReported) {
  ASSERT_TRUE(load_file(docker_archive({layer("d/a", "one")}, "a:1").files.tar()));
  const oci::Digest old = images_.find("a:1")->id;
  const auto loaded = load_file(docker_archive({layer("d/b", "two")}, "a:1").files.tar());
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->front().replaced.size(), 1U);
  EXPECT_EQ(loaded->front().replaced[0].id, old);
}

// ---- OCI layouts

struct Layout {
  Files files;
  std::string manifest, config;
  oci::Index index;
  std::string tar() {
    files["oci-layout"] = kOciLayout;
    files["index.json"] = index.to_json();
    return files.tar();
  }
};

class LayoutTest : public ArchiveTest {
 protected:
  Layout layout(const std::string& tar, bool compressed = true) {
    Layout made;
    oci::ImageConfig config;
    config.os = "linux";
    config.architecture = "amd64";
    config.diff_ids = {oci::Digest::of(tar)};
    made.config = config.to_json();
    const std::string blob = compressed ? gzip(tar) : tar;
    oci::Manifest manifest;
    manifest.config = descriptor(oci::media_type::kOciConfig, made.config);
    manifest.layers = {descriptor(compressed ? oci::media_type::kOciLayerGzip : oci::media_type::kOciLayer, blob)};
    made.manifest = manifest.to_json();
    put(made.files, blob);
    put(made.files, made.config);
    put(made.files, made.manifest);
    made.index.manifests = {descriptor(oci::media_type::kOciManifest, made.manifest)};
    made.index.manifests[0].annotations[std::string(kImageNameAnnotation)] = "docker.io/library/a:1";
    return made;
  }
};

TEST_F(LayoutTest, ACompressedBlobAndItsManifestAreRemembered) {
  Layout made = layout(layer("d/a", "one"));
  ASSERT_TRUE(load_stream(made.tar()));
  const Image image = images_.find("a:1").value();
  const auto kept = records::documents_of(store_->db(), image.id).value();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].bytes, made.manifest);
  EXPECT_EQ(records::blobs_of(store_->db(), image.config.diff_ids[0])->size(), 1U);
}

TEST_F(LayoutTest, AManifestMadeForTheArchiveIsNot) {
  Layout made = layout(layer("d/a", "one"), false);
  ASSERT_TRUE(load_file(made.tar()));
  EXPECT_TRUE(records::documents_of(store_->db(), images_.find("a:1")->id)->empty());
}

// As pulled from a registry: an index, its manifest, and the name@digest of the index.
TEST_F(LayoutTest, ManifestsAndRepoDigestsSurvive) {
  Layout made = layout(layer("d/a", "one"));
  ASSERT_TRUE(load_file(made.tar()));
  const oci::Digest id = images_.find("a:1")->id;
  oci::Index pulled;
  pulled.manifests = {made.index.manifests[0]};
  pulled.manifests[0].platform = oci::Platform{"linux", "amd64", "", ""};
  const std::string index = pulled.to_json();
  const oci::Reference name = reference("a@" + oci::Digest::of(index).to_string());
  const oci::Reference elsewhere = reference("secret.example/a@" + oci::Digest::of(index).to_string());
  ASSERT_TRUE(records::keep_manifest(store_->db(), id, {*name.digest, pulled.media_type, index}));
  ASSERT_TRUE(records::set_repo_digest(store_->db(), name, id));
  ASSERT_TRUE(records::set_repo_digest(store_->db(), elsewhere, id));

  const std::string saved = save_all({"a:1"});
  // Repositories that were not asked for are nobody's business.
  EXPECT_EQ(saved.find("secret.example"), std::string::npos);
  forget_all();
  ASSERT_TRUE(load_stream(saved));
  EXPECT_EQ(images_.find("a:1")->repo_digests, std::vector{name});
  const auto kept = records::documents_of(store_->db(), id).value();
  ASSERT_EQ(kept.size(), 2U);
  for (const auto& document : kept) EXPECT_TRUE(document.bytes == index || document.bytes == made.manifest);
  EXPECT_EQ(save_all({"a:1"}), saved);
}

TEST_F(LayoutTest, ARepoDigestCountsOnlyWhenItIsProven) {
  Layout made = layout(layer("d/a", "one"), false);
  Layout other = layout(layer("d/b", "other"));
  made.files.insert(other.files.begin(), other.files.end());
  auto& annotations = made.index.manifests[0].annotations;
  const std::string digest = oci::Digest::of(other.manifest).to_string();
  annotations[std::string(kKeptManifests)] = digest;
  annotations[std::string(kRepoDigests)] = "nginx@" + digest;
  ASSERT_TRUE(load_file(made.tar()));
  EXPECT_TRUE(images_.find("a:1")->repo_digests.empty());
  EXPECT_TRUE(records::documents_of(store_->db(), images_.find("a:1")->id)->empty());
}

TEST_F(LayoutTest, OfAnIndexWhatIsThereIsChosen) {
  Layout made = layout(layer("d/a", "one"));
  oci::Index index;
  index.manifests = {made.index.manifests[0], made.index.manifests[0]};
  index.manifests[0].platform = oci::Platform{"linux", "arm64", "", ""};
  index.manifests[0].digest = oci::Digest::of("not here");
  index.manifests[1].platform = oci::host_platform();
  const std::string bytes = index.to_json();
  put(made.files, bytes);
  made.index.manifests[0].media_type = oci::media_type::kOciIndex;
  made.index.manifests[0].digest = oci::Digest::of(bytes);
  made.index.manifests[0].size = bytes.size();
  ASSERT_TRUE(load_file(made.tar()));
  forget_all();
  options_.platform = oci::Platform{"linux", "arm64", "", ""};
  expect_refused(made.tar(), "no matching manifest for linux/arm64");
}

TEST_F(LayoutTest, DirectoriesAreReadWithoutFollowingLinks) {
  Layout made = layout(layer("d/a", "one"));
  (void)made.tar();
  const std::string root = directory_.path() + "/layout";
  for (const auto& [name, bytes] : made.files) {
    ASSERT_TRUE(sys::make_directories((root + "/" + name).substr(0, (root + "/" + name).rfind('/'))));
    ASSERT_TRUE(sys::replace_file(root + "/" + name, bytes));
  }
  Silent progress;
  const sys::UniqueFd fd = sys::open_file(root, O_RDONLY | O_DIRECTORY).value();
  EXPECT_TRUE(load(images_, fd.get(), options_, progress));
  forget_all();
  ASSERT_TRUE(sys::rename_path(root + "/index.json", directory_.path() + "/index.json"));
  ASSERT_EQ(::symlink("../index.json", (root + "/index.json").c_str()), 0);
  EXPECT_FALSE(load(images_, fd.get(), options_, progress));
  expect_nothing();
}

// ---- hostile ones

TEST_F(LayoutTest, BytesUnderAnotherDigestAreRefused) {
  const Layout good = layout(layer("d/a", "one"));
  for (const auto& [name, bytes] : good.files) {
    Layout bad = good;
    bad.files[name][bytes.size() / 2] ^= 1;
    bad.index = good.index;
    // A gzip stream may be found damaged before its digest is known.
    const bool is_layer = !bytes.starts_with('{');
    expect_refused(bad.tar(), is_layer ? "layer" : "other bytes under this digest");
    bad.files.erase(name);
    expect_refused(bad.tar(), "the archive has no blobs/sha256/");
  }
}

TEST_F(ArchiveTest, ALayerThatIsNotWhatTheConfigSays) {
  const Made made = docker_archive({layer("d/a", "one")}, "a:1", {oci::Digest::of("something else")});
  expect_refused(made.files.tar(), "the image config promises");
}

TEST_F(ArchiveTest, OneBadImageAndNoneIsLoaded) {
  Made good = docker_archive({layer("d/a", "one")}, "a:1");
  const DockerImage images[] = {{.config = "config.json", .layers = {"0/layer.tar"}},
                                {.config = "config.json", .layers = {"0/layer.tar", "missing"}}};
  good.files["manifest.json"] = docker_manifest_json(images);
  expect_refused(good.files.tar(), "the image config names 1 layers, the manifest 2");
}

TEST_F(ArchiveTest, NamesThatLeadOutOfTheArchive) {
  const Made made = docker_archive({layer("d/a", "one")}, "a:1");
  for (const char* name : {"../x", "/etc/passwd", "a/../../x"})
    expect_refused(fixture::file(name, "x") + made.files.tar(), "leads out of the archive");
  for (const char* target : {"../../etc/passwd", "/etc/passwd"})
    expect_refused(fixture::block({.name = "x/link", .type = '2', .link = target}) + made.files.tar(),
                   "leads out of the archive");
}

TEST_F(ArchiveTest, LinksInACircle) {
  const DockerImage image{.config = "a", .layers = {}};
  const std::string tar = fixture::block({.name = "a", .type = '2', .link = "b"}) +
                          fixture::block({.name = "b", .type = '2', .link = "a"}) +
                          fixture::file("manifest.json", docker_manifest_json(std::span(&image, 1))) + fixture::end();
  expect_refused(tar, "too many links");
}

TEST_F(ArchiveTest, TheSameNameTwice) {
  const Made made = docker_archive({layer("d/a", "one")}, "a:1");
  expect_refused(fixture::file("./manifest.json", "[]") + made.files.tar(),
                 "the archive holds \"manifest.json\" twice");
}

TEST_F(ArchiveTest, CutOffAnywhere) {
  const std::string tar = docker_archive({layer("d/a", "one")}, "a:1").files.tar();
  for (std::size_t size = 512; size + 1024 < tar.size(); size += 511) {
    const std::string cut = tar.substr(0, size);
    EXPECT_FALSE(load_file(cut)) << size;
    EXPECT_FALSE(load_stream(cut)) << size;
  }
  expect_nothing();
}

TEST_F(ArchiveTest, HugeTablesAndConfigs) {
  Made made = docker_archive({layer("d/a", "one")}, "a:1");
  Files files = made.files;
  files["manifest.json"] = std::string(kMaxArchiveIndex + 1, ' ');
  expect_refused(files.tar(), "the limit is 4194304");
  files = made.files;
  files["config.json"] = std::string(oci::kMaxImageConfigSize + 1, ' ');
  const auto loaded = load_file(files.tar());
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message().find("the limit is 8388608"), std::string::npos);
  EXPECT_FALSE(load_stream(files.tar()));
  expect_nothing();
}

TEST_F(LayoutTest, OneHugeManifestNamedAThousandTimes) {
  Layout made = layout(layer("d/a", "one"));
  std::string index = oci::Index().to_json();
  index.insert(1, std::string((4 << 20) - 200, ' '));
  put(made.files, index);
  made.index.manifests.assign(100,
                              {.media_type = std::string(oci::media_type::kOciManifest),
                               .digest = oci::Digest::of(made.manifest),
                               .size = made.manifest.size(),
                               .annotations = {{std::string(kKeptManifests), oci::Digest::of(index).to_string()}}});
  const auto loaded = load_file(made.tar());
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message().find("more than 67108864 bytes"), std::string::npos);
  expect_nothing();
}

TEST_F(ArchiveTest, ALayerThatInflatesBeyondTheLimit) {
  const std::string tar = layer("d/a", std::string(4 << 20, 'a'));
  const Made made = docker_archive({gzip(tar)}, "a:1", {oci::Digest::of(tar)});
  options_.max_layer_size = 1 << 20;
  expect_refused(made.files.tar(), "1048576");
  expect_refused(docker_archive({tar}, "a:1").files.tar(), "1048576");
}

TEST_F(ArchiveTest, WhatIsNoArchive) {
  expect_refused(fixture::end(), "neither manifest.json nor an OCI layout");
  expect_refused("", "neither manifest.json nor an OCI layout");
  expect_refused(std::string(5000, 'x'), "tar header at offset 0");
  expect_refused(fixture::file("manifest.json", "[{]") + fixture::end(), "manifest.json");
}

TEST_F(ArchiveTest, WhatGoesOnBehindTheEnd) {
  const std::string tar = docker_archive({layer("d/a", "one")}, "a:1").files.tar();
  EXPECT_TRUE(load_stream(tar + std::string(10240, '\0')));
  EXPECT_FALSE(load_stream(tar + std::string(17 << 20, '\0')));
}

// ---- saving

TEST_F(ArchiveTest, ADamagedLayerIsNotSaved) {
  ASSERT_TRUE(load_file(docker_archive({layer("d/a", "one")}, "a:1").files.tar()));
  const Image image = images_.find("a:1").value();
  const std::string path = fmt::format("{}/root/layers/{}.tar", directory_.path(), image.config.diff_ids[0].hex());
  const sys::UniqueFd tar = sys::open_file(path, O_RDWR).value();
  ASSERT_TRUE(sys::pwrite_all(tar.get(), std::as_bytes(std::span("X", 1)), 600));
  const sys::UniqueFd out = sys::memory_file("saved", "").value();
  const std::vector<std::string> names{"a:1"};
  const auto saved = save(images_, names, {}, out.get());
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().kind(), ErrorKind::kCorrupt);
}

TEST_F(ArchiveTest, AnImageForAnotherPlatformIsNotSaved) {
  ASSERT_TRUE(load_file(docker_archive({layer("d/a", "one")}, "a:1").files.tar()));
  const sys::UniqueFd out = sys::memory_file("saved", "").value();
  const std::vector<std::string> names{"a:1"};
  EXPECT_FALSE(save(images_, names, {.platform = oci::Platform{"linux", "arm64", "", ""}}, out.get()));
}

TEST_F(ArchiveTest, SquashedImagesHaveOneLayerAndNothingHidden) {
  if (!layers::test::is_root()) GTEST_SKIP() << "needs root";
  ASSERT_TRUE(load_file(
      docker_archive({Tar().dir("d").file("d/a", "one").file("d/b", "two").bytes(), Tar().whiteout("d/.wh.a").bytes()},
                     "a:1")
          .files.tar()));
  const std::string saved = save_all({"a:1"}, {.squash = true});
  EXPECT_EQ(save_all({"a:1"}, {.squash = true}), saved);
  EXPECT_EQ(layers_.usage()->size(), 2U);  // what was made for the archive is gone
  EXPECT_EQ(saved.find("d/a"), std::string::npos);
  EXPECT_EQ(saved.find(".wh."), std::string::npos);
  forget_all();
  ASSERT_TRUE(load_file(saved));
  EXPECT_EQ(images_.find("a:1")->chain_ids.size(), 1U);
}

}  // namespace
}  // namespace strata::images
