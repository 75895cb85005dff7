// Defer runs a function when its scope ends, unless cancelled: for undoing the steps of something
// that has not succeeded yet. What has a lasting owner deserves a type instead.
#pragma once

#include <utility>

namespace strata {

template <class F>
class [[nodiscard]] Defer {
 public:
  explicit Defer(F function) : function_(std::move(function)) {}
  ~Defer() {
    if (armed_) function_();
  }
  Defer(const Defer&) = delete;
  Defer& operator=(const Defer&) = delete;
  void cancel() { armed_ = false; }

 private:
  F function_;
  bool armed_ = true;
};

}  // namespace strata
