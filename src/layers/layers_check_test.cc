// Layers that the disk has damaged, and those that a power loss may have torn: in both forms.
#include <thread>

#include "layers/test_store.h"
#include "store/reference.h"

namespace strata::layers::test {
namespace {

class LayerDamage : public ::testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "mounting needs root";
    store_.emplace(GetParam());
    const auto chain =
        store_->chain({Tar().dir("etc", 0700).file("etc/a", "content of a").bytes(), Tar().file("etc/b", "b").bytes()});
    ASSERT_TRUE(chain) << chain.error().message();
    chain_ = *chain;
    diff_id_ = (*store_->layers().find(chain_[0]))->diff_id;
  }
  std::string path(const std::string& name) { return store_->store().paths().root + "/layers/" + name; }
  std::string tar() { return path(diff_id_.hex() + ".tar"); }
  std::string index() { return path(diff_id_.hex() + ".erofs"); }
  // The right size, and one byte that is not what it was.
  static void flip(const std::string& file, off_t at) {
    const auto fd = sys::open_file(file, O_RDWR);
    ASSERT_TRUE(fd) << fd.error().message();
    std::byte byte{};
    ASSERT_TRUE(sys::pread_full(fd->get(), {&byte, 1}, static_cast<std::uint64_t>(at)));
    byte ^= std::byte{0xFF};
    ASSERT_TRUE(sys::pwrite_all(fd->get(), {&byte, 1}, static_cast<std::uint64_t>(at)));
  }
  void bring_back() {
    const auto unpacked = store_->unpack(Tar().dir("etc", 0700).file("etc/a", "content of a").bytes());
    ASSERT_TRUE(unpacked);
    ASSERT_TRUE(store_->layers().commit(store_->lease(), *unpacked, std::nullopt));
  }
  std::vector<Defect> defects() {
    std::vector<Defect> found;
    const auto totals = store_->layers().check({}, [&](Defect defect) { found.push_back(std::move(defect)); });
    EXPECT_TRUE(totals) << totals.error().message();
    return found;
  }
  bool found(std::size_t layer) { return store_->layers().find(chain_[layer])->has_value(); }

  std::optional<TestStore> store_;
  std::vector<oci::Digest> chain_;
  oci::Digest diff_id_;
};

TEST_P(LayerDamage, ATornTarIsNotFoundAfterAPowerLossUntilItIsCommittedAgain) {
  const Tree before = *store_->tree(chain_);
  flip(tar(), 600);
  EXPECT_TRUE(found(0));  // in this boot the kernel has what was written
  store_->reboot("second");
  EXPECT_FALSE(found(0));
  EXPECT_FALSE(*store_->layers().has_tar(diff_id_));
  EXPECT_TRUE(found(1));
  EXPECT_EQ(*store_->layers().missing(chain_), std::vector{chain_[0]});
  if (GetParam() == Form::kIndex) {
    const auto rootfs = store_->layers().mount_rootfs(chain_, nullptr);
    ASSERT_FALSE(rootfs);
    EXPECT_EQ(rootfs.error().kind(), ErrorKind::kCorrupt);
  }
  bring_back();
  EXPECT_TRUE(found(0));
  EXPECT_EQ(difference(before, *store_->tree(chain_)), "");
  EXPECT_TRUE(defects().empty());
}

TEST_P(LayerDamage, ALostTarIsBroughtBackByACommit) {
  const Tree before = *store_->tree(chain_);
  ASSERT_TRUE(sys::remove_file(tar()));
  EXPECT_FALSE(found(0));
  EXPECT_FALSE(store_->layers().reuse(store_->lease(), diff_id_, std::nullopt));
  bring_back();
  EXPECT_EQ(difference(before, *store_->tree(chain_)), "");
}

TEST_P(LayerDamage, WhatWasSettledIsBelievedInTheNextBoot) {
  ASSERT_TRUE(store_->store().settle());
  flip(tar(), 600);
  store_->reboot("second");
  EXPECT_TRUE(found(0));
}

TEST_P(LayerDamage, WhatWasNotIsReadOnce) {
  store_->reboot("second");
  EXPECT_TRUE(found(0));
  flip(tar(), 600);
  store_->reboot("third");
  EXPECT_TRUE(found(0));
}

TEST_P(LayerDamage, ASyncInALaterBootSaysNothingOfWhatAnEarlierOneLeft) {
  store_->reboot("second");
  ASSERT_TRUE(store_->store().settle());
  flip(tar(), 600);
  store_->reboot("third");
  EXPECT_FALSE(found(0));
}

TEST_P(LayerDamage, NothingIsSettledWhileTheDiskIsKnownToHaveLostBytes) {
  ASSERT_TRUE(sys::replace_file(store_->store().paths().root + "/settle.error", "syncfs: EIO"));
  ASSERT_TRUE(store_->store().settle());
  flip(tar(), 600);
  EXPECT_EQ(store_->store().sync_error(), "syncfs: EIO");
  ASSERT_TRUE(store_->store().forget_sync_error());
  store_->reboot("second");
  EXPECT_FALSE(found(0));
}

TEST_P(LayerDamage, ATornTreeIsMadeAgainAfterAPowerLoss) {
  const Tree before = *store_->tree(chain_);
  if (GetParam() == Form::kIndex) {
    flip(index(), static_cast<off_t>(sys::stat_path(index())->st_size) - 100);
  } else {
    ASSERT_TRUE(sys::replace_file(path(diff_id_.hex() + ".dir/etc/a"), "torn"));
  }
  store_->reboot("second");
  const auto after = store_->tree(chain_);
  ASSERT_TRUE(after) << after.error().message();
  EXPECT_EQ(difference(before, *after), "");
}

TEST_P(LayerDamage, FindsAndMendsEveryKindOfDefect) {
  EXPECT_TRUE(defects().empty());
  const Tree before = *store_->tree(chain_);
  flip(tar(), 600);
  flip(index(), 1100);
  ASSERT_TRUE(sys::replace_file(path("stray"), "x"));
  std::size_t expected = 3;
  if (GetParam() == Form::kDirectory) {
    ASSERT_TRUE(sys::remove_tree(path(diff_id_.hex() + ".dir")));
    ++expected;
  }
  const auto all = defects();
  EXPECT_EQ(all.size(), expected);
  std::set<Defect::Kind> kinds;
  for (const Defect& defect : all) {
    kinds.insert(defect.kind);
    if (defect.kind == Defect::Kind::kOrphanFile) continue;
    EXPECT_EQ(defect.diff_id, diff_id_);
    EXPECT_EQ(defect.chain_ids, std::vector{chain_[0]});
  }
  EXPECT_EQ(kinds.size(), expected);
  EXPECT_EQ(defects().size(), expected);  // looking changes nothing
  // A tar first: the others are made of it.
  for (const Defect& defect : all) {
    if (defect.kind != Defect::Kind::kTar) continue;
    ASSERT_TRUE(store_->layers().mend(defect));
  }
  EXPECT_FALSE(found(0));
  bring_back();
  for (const Defect& defect : defects()) {
    const auto mended = store_->layers().mend(defect);
    EXPECT_TRUE(mended) << mended.error().message();
  }
  EXPECT_TRUE(defects().empty());
  ASSERT_TRUE(store_->layers().unmount_unused({}));
  EXPECT_EQ(difference(before, *store_->tree(chain_)), "");
}

TEST_P(LayerDamage, WhatOthersAddAndRemoveMeanwhileIsNoDefect) {
  std::atomic<bool> done = false;
  std::jthread other([&] {
    for (int round = 0; round < 30; ++round) {
      auto lease = store::Lease::create(store_->store());
      ASSERT_TRUE(lease);
      const auto bytes = Tar().file("x", fmt::format("round {}", round)).bytes();
      const auto blob = sys::memory_file("blob", bytes);
      const auto unpacked = store_->layers().unpack(*lease, blob->get());
      ASSERT_TRUE(unpacked);
      const auto layer = store_->layers().commit(*lease, *unpacked, std::nullopt);
      ASSERT_TRUE(layer);
      {
        const store::Lease gone = std::move(*lease);
      }
      ASSERT_TRUE(store_->layers().remove(std::vector{layer->chain_id}));
    }
    done = true;
  });
  do {
    for (const Defect& defect : defects()) ADD_FAILURE() << defect.file << ": " << defect.what;
  } while (!done);
}

INSTANTIATE_TEST_SUITE_P(Both, LayerDamage, ::testing::Values(Form::kIndex, Form::kDirectory),
                         [](const auto& param) { return param.param == Form::kIndex ? "Index" : "Directory"; });

}  // namespace
}  // namespace strata::layers::test
