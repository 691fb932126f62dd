// A value that another thread brings: waits for it with a deadline that only a broken program reaches.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>

namespace troupe {

template <class T>
class awaited {
 public:
  /// A callback that brings the value; may outlive this object.
  [[nodiscard]] auto callback() const {
    return [promise = promise_](T value) { promise->set_value(std::move(value)); };
  }

  /// Throws (and so fails the test) when nothing comes.
  T get() {
    if (future_.wait_for(std::chrono::seconds(20)) != std::future_status::ready)
      throw std::runtime_error("no answer came");
    return future_.get();
  }

  [[nodiscard]] bool ready() const { return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }

 private:
  std::shared_ptr<std::promise<T>> promise_ = std::make_shared<std::promise<T>>();
  std::future<T> future_ = promise_->get_future();
};

}  // namespace troupe
