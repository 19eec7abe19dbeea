#pragma once

#include <utility>
#include <variant>

namespace dlock {

/// Either a value or the reason why there is none. Ignoring a returned Result is a compiler
/// warning.
///
/// std::expected is the standard form from C++23 on; GCC 12 lacks it. T and E must differ.
template <class T, class E>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }

  E& error() { return std::get<1>(state_); }
  const E& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, E> state_;
};

/// The value of calls that succeed without a result.
struct Done {};

}  // namespace dlock
