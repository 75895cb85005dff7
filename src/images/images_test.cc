#include "images/images.h"

#include "base/json.h"
#include "images/records.h"
#include "layers/layers.h"
#include "store/database.h"
#include "store/store.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::images {
namespace {

oci::Reference reference(std::string_view text) { return oci::Reference::parse(text).value(); }

// The rules of names need no layers: these images have none.
class ImagesTest : public ::testing::Test {
 protected:
  sys::TempDir directory_ = sys::TempDir::create("/tmp").value();
  store::Paths paths_{directory_.path() + "/root", directory_.path() + "/run"};
  std::vector<store::Schema> schemas_{Images::schema(), layers::schema()};
  std::unique_ptr<store::Store> store_ = store::Store::open(paths_, schemas_, {.settle_in_background = false}).value();
  layers::Layers layers_{*store_, layers::Options{}};
  Images images_{*store_, layers_};
  std::vector<ImageUse> uses_;

  static std::string config(std::string_view name, std::string_view created = "2024-01-02T03:04:05Z") {
    oci::ImageConfig config;
    config.created = created;
    config.os = "linux";
    config.architecture = "amd64";
    config.config.labels["name"] = name;
    config.history.push_back({std::string(created), "LABEL", "", "c", true});
    return config.to_json();
  }
  oci::Digest add(std::string_view name, std::string_view tag = {}) {
    return images_.add(config(name), tag.empty() ? std::nullopt : std::optional(reference(tag))).value().id;
  }
  void add_digest(const oci::Digest& id, std::string_view name) {
    ASSERT_TRUE(records::set_repo_digest(store_->db(), reference(name), id));
  }
  // "Untagged: a:latest,Deleted: sha256:…" or the error.
  std::string remove(std::string_view name, bool force = false) {
    const auto removals = images_.remove(name, force, [&] { return Result<std::vector<ImageUse>>(uses_); });
    if (!removals) return removals.error().message();
    std::string text;
    for (const Removal& removal : *removals)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", removal.deleted ? "Deleted" : "Untagged", removal.name);
    return text;
  }
  std::string find(std::string_view name) {
    const auto image = images_.find(name);
    return image ? image->config.config.labels.at("name") : image.error().message();
  }
};

constexpr std::string_view kDigest = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

TEST_F(ImagesTest, AnImageIsFoundByEveryName) {
  const oci::Digest id = add("a", "127.0.0.1:5000/library/a:1");
  add_digest(id, fmt::format("127.0.0.1:5000/library/a@{}", kDigest));
  ASSERT_TRUE(images_.tag(id, reference("a")));
  const std::string by_digest = fmt::format("127.0.0.1:5000/library/a@{}", kDigest);
  const std::string short_id = "sha256:" + id.short_hex();
  for (const std::string& name :
       {std::string("127.0.0.1:5000/library/a:1"), std::string("a"), std::string("docker.io/library/a:latest"),
        by_digest, id.to_string(), id.hex(), id.short_hex(), id.hex().substr(0, 3), short_id})
    EXPECT_EQ(find(name), "a") << name;
}

TEST_F(ImagesTest, WhatIsNotThereIsNamedInFull) {
  EXPECT_EQ(find("nginx"), "No such image: nginx:latest");
  EXPECT_EQ(find("127.0.0.1:5000/x:1"), "No such image: 127.0.0.1:5000/x:1");
  EXPECT_EQ(find(kDigest), fmt::format("No such image: {}", kDigest));
  EXPECT_TRUE(find("Bad Name").starts_with("invalid reference format"));
  EXPECT_EQ(images_.find("nginx").error().kind(), ErrorKind::kNotFound);
}

TEST_F(ImagesTest, AnAmbiguousPrefixIsRefused) {
  std::map<char, std::string> seen;
  for (int i = 0; i < 17; ++i) {
    const oci::Digest id = add(std::to_string(i));
    const auto [first, is_new] = seen.emplace(id.hex()[0], id.hex());
    if (is_new) continue;
    const auto found = images_.find(id.hex().substr(0, 1));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind(), ErrorKind::kConflict);
    EXPECT_NE(found.error().message().find("ambiguous"), std::string::npos);
    return;
  }
  FAIL() << "seventeen images, sixteen digits";
}

TEST_F(ImagesTest, ATagMovesAndLeavesItsOldImageDangling) {
  add("old", "a");
  add("new", "a");
  EXPECT_EQ(find("a"), "new");
  const auto list = images_.list().value();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(std::ranges::count_if(list, &ImageSummary::dangling), 1);
}

TEST_F(ImagesTest, ATagIsNoDigest) {
  const auto tagged = images_.tag(add("a"), reference(fmt::format("a@{}", kDigest)));
  ASSERT_FALSE(tagged);
  EXPECT_EQ(tagged.error().message(), "refusing to create a tag with a digest reference");
}

TEST_F(ImagesTest, ATagDoesNotReadLikeAnId) {
  const auto tagged = images_.tag(add("a"), reference("sha256:abc"));
  ASSERT_FALSE(tagged);
  EXPECT_EQ(tagged.error().message(), "refusing to create an ambiguous tag using digest algorithm as name");
}

TEST_F(ImagesTest, AddingAnImageAgainKeepsOne) {
  EXPECT_EQ(add("a", "a"), add("a", "b"));
  EXPECT_EQ(images_.list()->size(), 1U);
  EXPECT_EQ(images_.find("a")->tags.size(), 2U);
}

TEST_F(ImagesTest, AnImageWhoseLayersAreNotHereIsRefused) {
  const std::string text = fmt::format(R"({{"os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}}})", kDigest);
  EXPECT_FALSE(images_.add(text, reference("a")));
  EXPECT_TRUE(images_.list()->empty());
}

TEST_F(ImagesTest, ListsNewestFirst) {
  ASSERT_TRUE(images_.add(config("old", "2020-01-01T00:00:00Z"), reference("old")));
  ASSERT_TRUE(images_.add(config("new", "2025-01-01T00:00:00Z"), reference("new")));
  EXPECT_EQ(images_.list()->front().tags.front().familiar(), "new:latest");
}

// ---- rmi

TEST_F(ImagesTest, RemovingTheLastNameRemovesTheImage) {
  const oci::Digest id = add("a", "a");
  EXPECT_EQ(remove("a"), fmt::format("Untagged a:latest, Deleted {}", id.to_string()));
  EXPECT_TRUE(images_.list()->empty());
  EXPECT_EQ(remove("a"), "No such image: a:latest");
}

TEST_F(ImagesTest, RemovingOneOfTwoNamesOnlyUntags) {
  add("a", "a");
  add("a", "b:1");
  EXPECT_EQ(remove("b:1"), "Untagged b:1");
  EXPECT_EQ(find("a"), "a");
}

TEST_F(ImagesTest, WithTheLastTagOfARepositoryItsDigestsGo) {
  const oci::Digest id = add("a", "a");
  add_digest(id, fmt::format("a@{}", kDigest));
  EXPECT_EQ(remove("a"), fmt::format("Untagged a:latest, Untagged a@{}, Deleted {}", kDigest, id.to_string()));
}

TEST_F(ImagesTest, ADigestKeepsTheImageOfAnotherRepository) {
  const oci::Digest id = add("a", "a");
  add_digest(id, fmt::format("other/a@{}", kDigest));
  EXPECT_EQ(remove("a"), "Untagged a:latest");
  EXPECT_EQ(remove(fmt::format("other/a@{}", kDigest)),
            fmt::format("Untagged other/a@{}, Deleted {}", kDigest, id.to_string()));
}

TEST_F(ImagesTest, ByIdTheImageGoesWithItsOneName) {
  const oci::Digest id = add("a", "a");
  EXPECT_EQ(remove(id.short_hex()), fmt::format("Untagged a:latest, Deleted {}", id.to_string()));
}

TEST_F(ImagesTest, ByIdTwoNamesMustBeForced) {
  const oci::Digest id = add("a", "a");
  add("a", "b");
  EXPECT_EQ(remove(id.hex()), fmt::format("conflict: unable to delete {} (must be forced) - image "
                                          "is referenced in multiple repositories",
                                          id.short_hex()));
  EXPECT_EQ(remove(id.hex(), true), fmt::format("Untagged a:latest, Untagged b:latest, Deleted {}", id.to_string()));
}

TEST_F(ImagesTest, ARunningContainerKeepsItsImageWhateverIsForced) {
  const oci::Digest id = add("a", "a");
  uses_ = {{"0123456789abcdef", id, true}};
  EXPECT_EQ(remove("a"), fmt::format("conflict: unable to remove repository reference \"a\" (must "
                                     "force) - container 0123456789ab is using "
                                     "its referenced image {}",
                                     id.short_hex()));
  EXPECT_EQ(remove(id.hex(), true),
            fmt::format("conflict: unable to delete {} (cannot be forced) - image is being used by "
                        "running container 0123456789ab",
                        id.short_hex()));
  // Nothing of the refused removal happened.
  EXPECT_EQ(find("a"), "a");
}

TEST_F(ImagesTest, AStoppedContainerKeepsItsImageUnlessForced) {
  const oci::Digest id = add("a", "a");
  uses_ = {{"0123456789abcdef", id, false}};
  EXPECT_EQ(remove(id.hex()), fmt::format("conflict: unable to delete {} (must be forced) - image "
                                          "is being used by stopped container 0123456789ab",
                                          id.short_hex()));
  EXPECT_EQ(remove("a", true), fmt::format("Untagged a:latest, Deleted {}", id.to_string()));
  EXPECT_TRUE(images_.list()->empty());
  EXPECT_EQ(find("a"), "No such image: a:latest");
  EXPECT_EQ(find(id.hex()), fmt::format("No such image: {}", id.hex()));
  // The container can still be started, until it is gone.
  EXPECT_TRUE(images_.get(id));
  uses_.clear();
  ASSERT_TRUE(images_.collect_garbage([&] { return Result<std::vector<ImageUse>>(uses_); }));
  EXPECT_FALSE(images_.get(id));
}

TEST_F(ImagesTest, AnImageThatWasHiddenComesBackWhenItIsAddedAgain) {
  const oci::Digest id = add("a", "a");
  uses_ = {{"0123456789abcdef", id, false}};
  remove("a", true);
  add("a", "b");
  EXPECT_EQ(find("b"), "a");
  EXPECT_EQ(images_.list()->size(), 1U);
}

TEST_F(ImagesTest, PruneTakesWhatHasNoTag) {
  const oci::Digest dangling = add("dangling");
  const oci::Digest used = add("used");
  add("tagged", "a");
  uses_ = {{"0123456789abcdef", used, false}};
  const auto pruned = images_.prune(false, [&] { return Result<std::vector<ImageUse>>(uses_); });
  ASSERT_TRUE(pruned);
  ASSERT_EQ(pruned->removals.size(), 1U);
  EXPECT_EQ(pruned->removals[0].name, dangling.to_string());
  ASSERT_TRUE(images_.prune(true, [&] { return Result<std::vector<ImageUse>>(uses_); }));
  ASSERT_EQ(images_.list()->size(), 1U);
  EXPECT_EQ(images_.list()->front().id, used);
}

// ---- what is told about them

TEST_F(ImagesTest, InspectHasDockersKeys) {
  const oci::Digest id = add("a", "127.0.0.1:5000/a:1");
  add_digest(id, fmt::format("127.0.0.1:5000/a@{}", kDigest));
  const json object = parse_json(inspect_json(*images_.get(id)).value()).value();
  EXPECT_EQ(object["Id"], id.to_string());
  EXPECT_EQ(object["RepoTags"], json::array({"127.0.0.1:5000/a:1"}));
  EXPECT_EQ(object["RepoDigests"], json::array({fmt::format("127.0.0.1:5000/a@{}", kDigest)}));
  EXPECT_EQ(object["Os"], "linux");
  EXPECT_EQ(object["Architecture"], "amd64");
  EXPECT_EQ(object["Comment"], "c");
  EXPECT_EQ(object["RootFS"]["Type"], "layers");
  EXPECT_EQ(object["Config"]["Labels"]["name"], "a");
  EXPECT_TRUE(object["Config"]["Cmd"].is_null());
}

TEST_F(ImagesTest, HistoryIsNewestFirstAndNamesTheImageOnce) {
  oci::ImageConfig config;
  config.os = "linux";
  config.history = {{"", "first", "", "", true}, {"", "second", "", "", true}};
  const Image image = images_.add(config.to_json(), std::nullopt).value();
  const auto lines = history(images_, image).value();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].created_by, "second");
  EXPECT_EQ(lines[0].image, image.id);
  EXPECT_TRUE(lines[1].image.empty());
}

// ---- blobs

TEST_F(ImagesTest, ABlobIsASourceOnlyForTheLayerItIsKnownToBe) {
  const oci::Digest diff = oci::Digest::of(std::string_view("tar"));
  const oci::Digest other = oci::Digest::of(std::string_view("other tar"));
  records::Blob blob;
  blob.descriptor.digest = oci::Digest::of(std::string_view("blob"));
  blob.descriptor.size = 4;
  blob.compression = codec::Compression::kZstd;
  ASSERT_TRUE(records::keep_blob(store_->db(), diff, blob));
  ASSERT_TRUE(records::keep_source(store_->db(), other, blob.descriptor.digest, reference("evil/x")));
  EXPECT_TRUE(records::sources_of(store_->db(), blob.descriptor.digest)->empty());
  ASSERT_TRUE(records::keep_source(store_->db(), diff, blob.descriptor.digest, reference("good/x:1")));
  EXPECT_EQ(records::sources_of(store_->db(), blob.descriptor.digest)->front().name(), "docker.io/good/x");
  EXPECT_EQ(records::blobs_of(store_->db(), diff)->front().compression, codec::Compression::kZstd);
  ASSERT_TRUE(records::forget_unused_blobs(store_->db()));
  EXPECT_TRUE(records::blobs_of(store_->db(), diff)->empty());
}

}  // namespace
}  // namespace strata::images
