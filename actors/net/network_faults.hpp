// Faults of the network around one node, for tests in one process: what the node does not hear and
// what it says in vain, by the cluster address of the other side.
//
// It stands between the sockets and the node: a datagram that is cut vanishes, a connection that is cut
// goes silent (its bytes wait in the kernel, as they do in a sender that gets no acknowledgement), a dial
// finds nobody. A node outside tests has no such object, and pays one comparison of a pointer.
// Thread-safe; callbacks run without locks.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

class network_faults {
 public:
  enum class way { in, out };

  struct silence {
    bool of_all = false;  // this node is off the network
    std::set<std::string, std::less<>> in;
    std::set<std::string, std::less<>> out;
  };

  /// What is cut from now on; what was held is tried again.
  void set(silence s);

  /// Something is cut. One relaxed load.
  [[nodiscard]] bool any() const noexcept { return any_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool of_all() const;
  [[nodiscard]] bool cut(way w, std::string_view address) const;

  /// True when it is cut; `again` then runs once, after the next set().
  [[nodiscard]] bool hold(way w, std::string_view address, std::function<void()> again);

 private:
  [[nodiscard]] bool is_cut(way w, std::string_view address) const;

  std::atomic<bool> any_{false};
  mutable std::mutex mutex_;
  silence silence_;
  std::vector<std::function<void()>> held_;
};

}  // namespace troupe
