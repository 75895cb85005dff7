// Finds a name in a directory, for all directories of a tree in one hash table: entries are (directory,
// position in it); the names themselves stay where they are. Nothing is ever removed.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace strata::layers {

class NameTable {
 public:
  struct Slot {
    std::uint32_t directory = 0;
    std::uint32_t position_plus_one = 0;  // 0: free
  };

  // `name_at(directory, position)` gives the name. The position, or -1.
  template <class NameAt>
  std::int64_t find(std::uint32_t directory, std::string_view name, NameAt name_at) const {
    if (slots_.empty()) return -1;
    for (std::size_t i = hash(directory, name) & mask();; i = (i + 1) & mask()) {
      const Slot& slot = slots_[i];
      if (slot.position_plus_one == 0) return -1;
      if (slot.directory == directory && name_at(directory, slot.position_plus_one - 1) == name)
        return slot.position_plus_one - 1;
    }
  }

  // The name must not be there yet.
  template <class NameAt>
  void insert(std::uint32_t directory, std::uint32_t position, std::string_view name, NameAt name_at) {
    if ((count_ + 1) * 2 > slots_.size()) {
      std::vector<Slot> old(slots_.empty() ? 1024 : slots_.size() * 2);
      old.swap(slots_);
      for (const Slot& slot : old)
        if (slot.position_plus_one != 0) place(slot, name_at(slot.directory, slot.position_plus_one - 1));
    }
    place({directory, position + 1}, name);
    ++count_;
  }

 private:
  std::size_t mask() const { return slots_.size() - 1; }
  static std::size_t hash(std::uint32_t directory, std::string_view name) {
    std::uint64_t h = std::hash<std::string_view>()(name) ^ (directory * 0x9E3779B97F4A7C15ull);
    return h ^ (h >> 29);
  }
  void place(Slot slot, std::string_view name) {
    std::size_t i = hash(slot.directory, name) & mask();
    while (slots_[i].position_plus_one != 0) i = (i + 1) & mask();
    slots_[i] = slot;
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

}  // namespace strata::layers
