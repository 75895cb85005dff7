// Pull and push against Debian's docker-registry, with skopeo as the other party: real workers,
// real bytes.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/json.h"
#include "codec/tar_writer.h"
#include "images/images.h"
#include "images/records.h"
#include "layers/layers.h"
#include "oci/manifest.h"
#include "registry/client.h"
#include "store/lease.h"
#include "store/store.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::images {
namespace {

// Where ./test unpacked it, or where the package installs it.
const char* registry_program() {
  const char* unpacked = std::getenv("STRATA_TEST_REGISTRY");
  return unpacked != nullptr ? unpacked : "/usr/bin/docker-registry";
}
const std::vector<std::string> kNone;
constexpr const char* kSkopeo = "/usr/bin/skopeo";

std::uint16_t free_port() {
  const sys::UniqueFd socket(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

bool answers(std::uint16_t port) {
  const sys::UniqueFd socket(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

// docker-registry on a port of its own, for as long as the object lives.
class Registry {
 public:
  explicit Registry(const std::string& directory) : directory_(directory + "/registry") {
    port_ = free_port();
    EXPECT_TRUE(sys::make_directories(directory_));
    const std::string config = directory + "/registry.yml";
    EXPECT_TRUE(sys::replace_file(
        config, fmt::format("version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n"
                            "  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:{}\n",
                            directory_, port_)));
    log_ = sys::open_file(directory + "/registry.log", O_WRONLY | O_CREAT | O_APPEND).value();
    child_ = sys::spawn({.program = registry_program(),
                         .arguments = {"docker-registry", "serve", config},
                         .environment = std::nullopt,
                         .fds = {{log_.get(), 1}, {log_.get(), 2}}})
                 .value();
    for (int i = 0; i < 400 && !answers(port_); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  ~Registry() {
    (void)child_.kill(SIGKILL);
    (void)child_.wait();
  }
  std::string name(std::string_view repository) const { return fmt::format("127.0.0.1:{}/{}", port_, repository); }
  std::string blob_path(const oci::Digest& digest) const {
    return fmt::format("{}/docker/registry/v2/blobs/sha256/{}/{}/data", directory_, digest.hex().substr(0, 2),
                       digest.hex());
  }

 private:
  std::string directory_;
  std::uint16_t port_ = 0;
  sys::UniqueFd log_;
  sys::Child child_;
};

class FileSink : public codec::ByteSink {
 public:
  explicit FileSink(int fd) : fd_(fd) {}
  Result<> write(std::span<const std::byte> bytes) override { return sys::write_all(fd_, bytes); }

 private:
  int fd_;
};

struct PullStates : PullProgress {
  std::vector<State> last;
  void begin(const oci::Reference&, std::span<const oci::Digest> layers) override { last.resize(layers.size()); }
  void layer(std::size_t layer, State state, std::uint64_t, std::uint64_t) override { last.at(layer) = state; }
};
struct PushStates : PushProgress {
  std::vector<State> last;
  std::vector<std::string> notes;
  void begin(const oci::Reference&, std::span<const oci::Digest> layers) override { last.resize(layers.size()); }
  void layer(std::size_t layer, State state, std::uint64_t, std::uint64_t, std::string_view) override {
    last.at(layer) = state;
  }
  void note(std::string_view text) override { notes.emplace_back(text); }
};

// A store and what works on it; a second one is another machine.
struct Host {
  explicit Host(const std::string& directory)
      : store(store::Store::open({directory + "/root", directory + "/run"}, schemas(), {.settle_in_background = false})
                  .value()),
        layers(*store,
               {.force_directory_form = false, .worker_program = sys::own_directory().value() + "/strata-layer"}),
        images(*store, layers) {
    registry::Settings settings;
    settings.fetch_program = sys::own_directory().value() + "/strata-fetch";
    settings.first_retry_pause = std::chrono::milliseconds(1);
    client = registry::Client::open(settings).value();
  }
  ~Host() { EXPECT_TRUE(layers.unmount_unused({})); }
  static std::span<const store::Schema> schemas() {
    static const std::vector<store::Schema> all{Images::schema(), layers::schema()};
    return all;
  }
  std::string root() const { return store->paths().root; }
  Result<Pulled> pull(std::string_view name, PullOptions options = {}) {
    PullStates states;
    auto pulled = images.pull(*client, oci::Reference::parse(name).value(), options, states);
    pull_states = std::move(states.last);
    return pulled;
  }
  Result<Pushed> push(std::string_view name) {
    PushStates states;
    auto pushed = images.push(*client, oci::Reference::parse(name).value(), {}, states);
    push_states = std::move(states.last);
    notes = std::move(states.notes);
    return pushed;
  }
  Result<std::vector<Removal>> remove(std::string_view name) {
    return images.remove(name, true, [] { return Result<std::vector<ImageUse>>(std::vector<ImageUse>()); });
  }
  // Files of layers and of work in flight.
  std::vector<std::string> files() {
    std::vector<std::string> files;
    for (const char* name : {"/layers", "/leases"})
      if (auto names = sys::list_directory(root() + name)) std::ranges::move(*names, std::back_inserter(files));
    std::ranges::sort(files);
    return files;
  }

  std::unique_ptr<store::Store> store;
  layers::Layers layers;
  Images images;
  std::unique_ptr<registry::Client> client;
  std::vector<PullProgress::State> pull_states;
  std::vector<PushProgress::State> push_states;
  std::vector<std::string> notes;
};

class TransferTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!sys::exists(registry_program())) GTEST_SKIP() << registry_program() << " is not installed";
    registry_ = std::make_unique<Registry>(directory_.path());
    host_ = std::make_unique<Host>(directory_.path() + "/host");
  }

  // A tar with one file of `text`, as a committed layer on top of `parent`.
  static layers::Layer make_layer(Host& host, store::Lease& lease, const std::string& file, const std::string& text,
                                  const std::optional<oci::Digest>& parent) {
    const std::string path = fmt::format("{}/{}.tar", lease.directory(), file);
    const auto fd = sys::open_file(path, O_WRONLY | O_CREAT).value();
    FileSink sink(fd.get());
    codec::TarWriter writer(sink);
    codec::TarEntry entry;
    entry.path = file;
    entry.mode = 0644;
    entry.size = text.size();
    EXPECT_TRUE(writer.add(entry));
    EXPECT_TRUE(writer.write_data(std::as_bytes(std::span(text))));
    EXPECT_TRUE(writer.finish());
    const auto unpacked = host.layers.adopt_tar(lease, path);
    EXPECT_TRUE(unpacked) << unpacked.error().message();
    return host.layers.commit(lease, *unpacked, parent).value();
  }

  // An image of as many layers as there are texts, each of them large enough to take more than one
  // read.
  static Image make_image(Host& host, std::string_view tag, const std::vector<std::string>& texts) {
    auto lease = store::Lease::create(*host.store).value();
    oci::ImageConfig config;
    config.created = "2024-01-02T03:04:05Z";
    config.os = "linux";
    config.architecture = oci::host_platform().architecture;
    std::optional<oci::Digest> parent;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      std::string text = texts[i];
      while (text.size() < 300'000) text += fmt::format("{} {}\n", texts[i], text.size());
      const auto layer = make_layer(host, lease, "file" + std::to_string(i), text, parent);
      config.diff_ids.push_back(layer.diff_id);
      config.history.push_back({config.created, texts[i], "", "", false});
      parent = layer.chain_id;
    }
    auto image = host.images.add(config.to_json(), oci::Reference::parse(tag).value());
    EXPECT_TRUE(image) << image.error().message();
    return *image;
  }

  int skopeo(std::vector<std::string> arguments, std::string* output = nullptr) {
    arguments.insert(arguments.begin(), {"skopeo", "--insecure-policy"});
    const std::string path = directory_.path() + "/skopeo.out";
    const auto out = sys::open_file(path, O_RDWR | O_CREAT | O_TRUNC).value();
    auto child = sys::spawn({.program = kSkopeo,
                             .arguments = arguments,
                             .environment = std::nullopt,
                             .fds = {{out.get(), 1}, {out.get(), 2}}});
    const int code = child->wait()->shell_code();
    const std::string text = sys::read_file(path).value();
    EXPECT_EQ(code, 0) << text;
    if (output != nullptr) *output = text;
    return code;
  }

  // The image as another machine gets it.
  std::unique_ptr<Host> other_host() {
    return std::make_unique<Host>(directory_.path() + "/other" + std::to_string(++others_));
  }
  oci::Manifest manifest_of(Host& host, std::string_view name) {
    const auto fetched = host.client->get_manifest(oci::Reference::parse(name).value()).value();
    return std::get<oci::Manifest>(oci::parse_manifest(fetched.bytes, fetched.media_type).value());
  }

  sys::TempDir directory_ = sys::TempDir::create("/tmp", "images-").value();
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Host> host_;
  int others_ = 0;
};

TEST_F(TransferTest, WhatWasPushedComesBackAsItWas) {
  const std::string name = registry_->name("library/a:1");
  const Image made = make_image(*host_, name, {"one", "two", "three"});
  const auto pushed = host_->push(name);
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(host_->push_states, std::vector(3, PushProgress::State::kPushed));

  auto other = other_host();
  const auto pulled = other->pull(name);
  ASSERT_TRUE(pulled) << pulled.error().message();
  EXPECT_TRUE(pulled->changed);
  EXPECT_EQ(pulled->image.id, made.id);
  EXPECT_EQ(pulled->image.chain_ids, made.chain_ids);
  EXPECT_EQ(pulled->image.size, made.size);
  EXPECT_EQ(pulled->digest, pushed->digest);
  EXPECT_EQ(other->pull_states, std::vector(3, PullProgress::State::kComplete));
  EXPECT_EQ(pulled->image.tags.front().familiar(), name);
  EXPECT_EQ(pulled->image.repo_digests.front().familiar(), registry_->name("library/a@") + pushed->digest.to_string());
  EXPECT_TRUE(sys::list_directory(other->root() + "/leases")->empty());

  const auto again = other->pull(name);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->changed);
}

TEST_F(TransferTest, PushingAgainSendsNothingAndKeepsTheDigest) {
  const std::string name = registry_->name("a:1");
  make_image(*host_, name, {"one", "two"});
  const auto first = host_->push(name).value();
  const auto second = host_->push(name).value();
  EXPECT_EQ(host_->push_states, std::vector(2, PushProgress::State::kAlreadyExists));
  EXPECT_EQ(first.digest, second.digest);
  // Another machine compresses the same layers to the same bytes.
  auto other = other_host();
  make_image(*other, name, {"one", "two"});
  EXPECT_EQ(other->push(name)->digest, first.digest);
}

TEST_F(TransferTest, ASiblingRepositoryLendsItsBlobs) {
  const Image image = make_image(*host_, registry_->name("a:1"), {"one", "two"});
  ASSERT_TRUE(host_->push(registry_->name("a:1")));
  ASSERT_TRUE(host_->images.tag(image.id, oci::Reference::parse(registry_->name("b:2")).value()));
  ASSERT_TRUE(host_->push(registry_->name("b:2")));
  EXPECT_EQ(host_->push_states, std::vector(2, PushProgress::State::kMounted));
}

TEST_F(TransferTest, AnotherRegistryGetsTheOriginalBlobsAndTheManifestAsItCame) {
  if (!sys::exists(kSkopeo)) GTEST_SKIP() << kSkopeo << " is not installed";
  make_image(*host_, registry_->name("ours:1"), {"one", "two"});
  ASSERT_TRUE(host_->push(registry_->name("ours:1")));
  // Blobs that we would not make: other compression, Docker's manifest.
  const std::string theirs = registry_->name("theirs:1");
  skopeo({"copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--format", "v2s2", "--dest-compress-format",
          "gzip", "--dest-compress-level", "9", "--dest-compress", "docker://" + registry_->name("ours:1"),
          "docker://" + theirs});
  auto other = other_host();
  const auto pulled = other->pull(theirs);
  ASSERT_TRUE(pulled) << pulled.error().message();

  std::filesystem::create_directories(directory_.path() + "/second");
  Registry second(directory_.path() + "/second");
  const std::string target = second.name("copied:1");
  ASSERT_TRUE(other->images.tag(pulled->image.id, oci::Reference::parse(target).value()));
  const auto pushed = other->push(target);
  ASSERT_TRUE(pushed) << pushed.error().message();
  EXPECT_EQ(pushed->digest, pulled->digest);
  EXPECT_TRUE(other->notes.empty());

  // With the source gone the layers are compressed again, and that is said.
  registry_.reset();
  Registry third(directory_.path() + "/second/..");
  const std::string last = third.name("again:1");
  ASSERT_TRUE(other->images.tag(pulled->image.id, oci::Reference::parse(last).value()));
  const auto again = other->push(last);
  ASSERT_TRUE(again) << again.error().message();
}

TEST_F(TransferTest, SkopeosImagesOfEveryKindArePulled) {
  if (!sys::exists(kSkopeo)) GTEST_SKIP() << kSkopeo << " is not installed";
  const Image made = make_image(*host_, registry_->name("ours:1"), {"one", "two"});
  ASSERT_TRUE(host_->push(registry_->name("ours:1")));
  for (const std::string& how : {std::string("oci gzip"), std::string("oci zstd"), std::string("v2s2 gzip")}) {
    const auto space = how.find(' ');
    const std::string name = registry_->name("copy:" + how.substr(0, space) + how.substr(space + 1));
    // Through a directory, so that the blobs are really made again.
    skopeo({"copy", "--src-tls-verify=false", "--dest-decompress", "docker://" + registry_->name("ours:1"),
            "dir:" + directory_.path() + "/plain"});
    skopeo({"copy", "--dest-tls-verify=false", "--format", how.substr(0, space), "--dest-compress-format",
            how.substr(space + 1), "dir:" + directory_.path() + "/plain", "docker://" + name});
    auto other = other_host();
    const auto pulled = other->pull(name);
    ASSERT_TRUE(pulled) << how << ": " << pulled.error().message();
    EXPECT_EQ(pulled->image.chain_ids, made.chain_ids) << how;
    std::string raw;
    skopeo({"inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://" + name}, &raw);
    EXPECT_EQ(pulled->digest.to_string() + "\n", raw) << how;
  }
}

TEST_F(TransferTest, OfAnIndexThePlatformsManifestIsTaken) {
  const std::string name = registry_->name("a:mine");
  const Image image = make_image(*host_, name, {"one"});
  const auto mine = host_->push(name).value();
  oci::Index index;
  for (const auto& [os, architecture] :
       {std::pair("linux", "other"), std::pair("linux", image.config.architecture.c_str())}) {
    oci::Descriptor& entry = index.manifests.emplace_back();
    entry.media_type = oci::media_type::kOciManifest;
    entry.digest = mine.digest;
    entry.size = mine.size;
    entry.platform = oci::Platform{os, architecture, {}, {}};
  }
  index.manifests[0].digest = oci::Digest::of(std::string_view("not there"));
  index.manifests.erase(index.manifests.begin());  // the registry wants every manifest of an index
  const std::string many = registry_->name("a:many");
  const std::string bytes = index.to_json();
  ASSERT_TRUE(host_->client->put_manifest(oci::Reference::parse(many).value(), bytes, index.media_type));

  auto other = other_host();
  const auto pulled = other->pull(many);
  ASSERT_TRUE(pulled) << pulled.error().message();
  EXPECT_EQ(pulled->image.id, image.id);
  EXPECT_EQ(pulled->digest, oci::Digest::of(std::string_view(bytes)));
  const auto missing = other->pull(many, {.platform = oci::Platform{"linux", "s390x", {}, {}}});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message().find("no matching manifest for linux/s390x"), std::string::npos)
      << missing.error().message();
  // What a push of it sends is the manifest, not the index.
  ASSERT_TRUE(other->push(many));
  EXPECT_EQ(manifest_of(*other, many).config.digest, image.id);
}

TEST_F(TransferTest, LayersThatAreHereAreNotFetchedAgain) {
  make_image(*host_, registry_->name("base:1"), {"one", "two"});
  make_image(*host_, registry_->name("more:1"), {"one", "two", "three", "one"});
  ASSERT_TRUE(host_->push(registry_->name("base:1")));
  ASSERT_TRUE(host_->push(registry_->name("more:1")));
  auto other = other_host();
  ASSERT_TRUE(other->pull(registry_->name("base:1")));
  ASSERT_TRUE(other->pull(registry_->name("more:1")));
  using enum PullProgress::State;
  EXPECT_EQ(other->pull_states, (std::vector{kAlreadyExists, kAlreadyExists, kComplete, kComplete}));
  ASSERT_TRUE(other->remove(registry_->name("base:1")));
  EXPECT_TRUE(other->images.find(registry_->name("more:1")));
  const Image more = other->images.find(registry_->name("more:1")).value();
  for (const oci::Digest& chain : more.chain_ids) EXPECT_TRUE(other->layers.find(chain)->has_value());
  ASSERT_TRUE(other->remove(registry_->name("more:1")));
  EXPECT_EQ(other->files(), kNone);
}

TEST_F(TransferTest, AnUnknownImageIsNotFound) {
  const auto pulled = host_->pull(registry_->name("nothing:1"));
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().kind(), ErrorKind::kNotFound) << pulled.error().message();
  const auto pushed = host_->push(registry_->name("nothing:1"));
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().message(), "An image does not exist locally with the tag: " + registry_->name("nothing"));
}

// Also when the image is here: its manifest would be kept, and a later push would believe it.
TEST_F(TransferTest, AManifestWithoutTheImagesLayersIsRefused) {
  const std::string name = registry_->name("a:whole");
  const Image image = make_image(*host_, name, {"one", "two"});
  ASSERT_TRUE(host_->push(name));
  oci::Manifest less = manifest_of(*host_, name);
  less.layers.pop_back();
  const std::string lying = registry_->name("a:less");
  ASSERT_TRUE(host_->client->put_manifest(oci::Reference::parse(lying).value(), less.to_json(), less.media_type));
  const auto pulled = host_->pull(lying);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().message(),
            fmt::format("image config {} names 2 layers, the manifest 1", image.id.to_string()));
}

// What a registry may do to a blob; each time the error names the layer and nothing is left.
TEST_F(TransferTest, ABlobThatIsNotWhatTheManifestPromisesIsRefused) {
  const std::string name = registry_->name("a:1");
  make_image(*host_, name, {"one", "two"});
  ASSERT_TRUE(host_->push(name));
  const oci::Manifest manifest = manifest_of(*host_, name);
  const std::string path = registry_->blob_path(manifest.layers[1].digest);
  const std::string good = sys::read_file(path).value();
  const std::string first = sys::read_file(registry_->blob_path(manifest.layers[0].digest)).value();
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 1);
  const std::vector<std::pair<std::string, std::string>> cases = {{"truncated", good.substr(0, good.size() / 2)},
                                                                  {"oversize", good + good},
                                                                  {"flipped", flipped},
                                                                  {"garbage", std::string(good.size(), 'x')}};
  for (const auto& [what, bytes] : cases) {
    ASSERT_TRUE(sys::replace_file(path, bytes));
    auto other = other_host();
    const auto pulled = other->pull(name);
    ASSERT_FALSE(pulled) << what;
    // A length that is announced is refused before the bytes come.
    EXPECT_EQ(pulled.error().kind(), what == "oversize" ? ErrorKind::kResourceExhausted : ErrorKind::kCorrupt)
        << what << ": " << pulled.error().message();
    EXPECT_NE(pulled.error().message().find(manifest.layers[1].digest.to_string()), std::string::npos)
        << what << ": " << pulled.error().message();
    EXPECT_TRUE(other->images.list()->empty()) << what;
    EXPECT_TRUE(sys::list_directory(other->root() + "/leases")->empty()) << what;
    // The registry is repaired, and so is the pull.
    ASSERT_TRUE(sys::replace_file(path, good));
    const auto again = other->pull(name);
    ASSERT_TRUE(again) << what << ": " << again.error().message();
  }
}

TEST_F(TransferTest, ALayerThatInflatesBeyondTheLimitIsRefused) {
  const std::string name = registry_->name("bomb:1");
  make_image(*host_, name, {"one"});
  ASSERT_TRUE(host_->push(name));
  auto other = other_host();
  const auto pulled = other->pull(name, {.platform = std::nullopt, .max_layer_size = 100'000});
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().kind(), ErrorKind::kResourceExhausted) << pulled.error().message();
  EXPECT_EQ(other->files(), kNone);
}

TEST_F(TransferTest, TwoPullsAtOnceBothSucceed) {
  const std::string name = registry_->name("a:1");
  const Image image = make_image(*host_, name, {"one", "two", "three"});
  ASSERT_TRUE(host_->push(name));
  auto first = other_host();
  auto second = std::make_unique<Host>(directory_.path() + "/other1");
  {
    const std::jthread a([&] { EXPECT_TRUE(first->pull(name)); });
    const std::jthread b([&] { EXPECT_TRUE(second->pull(name)); });
  }
  EXPECT_EQ(first->images.list()->size(), 1U);
  for (const oci::Digest& chain : image.chain_ids) EXPECT_TRUE(first->layers.find(chain)->has_value());
}

// SIGKILL after a random number of microseconds: whatever moment it hits, the next pull works and
// nothing but the image's own files is there.
TEST_F(TransferTest, APullThatIsKilledAtAnyMomentLeavesNothingInTheWay) {
  const std::string name = registry_->name("a:1");
  make_image(*host_, name, {"one", "two", "three", "four"});
  ASSERT_TRUE(host_->push(name));
  auto clean = other_host();
  ASSERT_TRUE(clean->pull(name));
  const auto expected = clean->files();
  std::uint32_t random = 12345;
  for (int round = 0; round < 25; ++round) {
    const std::string directory = fmt::format("{}/killed{}", directory_.path(), round);
    random = random * 1664525 + 1013904223;
    const pid_t pid = ::fork();
    if (pid == 0) {
      Host host(directory);
      (void)host.pull(name);
      (void)host.remove(name);
      (void)host.pull(name);
      ::_exit(0);
    }
    ::usleep(random % 120'000);
    ::kill(pid, SIGKILL);
    (void)sys::wait_child(pid);

    Host host(directory);
    // As every command begins.
    if (store::sweep_dead_leases(*host.store).value()) {
      ASSERT_TRUE(host.layers.sweep());
    }
    const auto pulled = host.pull(name);
    ASSERT_TRUE(pulled) << "round " << round << ": " << pulled.error().message();
    EXPECT_TRUE(sys::list_directory(host.root() + "/leases")->empty());
    EXPECT_EQ(host.files(), expected) << "round " << round;
    ASSERT_TRUE(host.remove(name));
    EXPECT_EQ(host.files(), kNone) << "round " << round;
  }
}

}  // namespace
}  // namespace strata::images
