#include "actors/kvs/kvs_flush.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

namespace {

class flush : public std::enable_shared_from_this<flush> {
 public:
  flush(kvs_access& kvs, time_point deadline, std::function<void(expected<std::uint64_t>)> done)
      : kvs_(kvs), deadline_(deadline), done_(std::move(done)) {}

  void list() {
    auto r = request(kvs_op::list);
    r.key = cursor_;
    kvs_.ask(std::move(r), [self = shared_from_this()](kvs_result page) { self->on_page(std::move(page)); });
  }

 private:
  [[nodiscard]] kvs_request request(kvs_op op) const {
    kvs_request r;
    r.op = op;
    r.deadline = std::min(deadline_, std::chrono::steady_clock::now() + kvs_flush_call_max);
    return r;
  }

  void on_page(kvs_result page) {
    if (page.code != errc::ok) return end(page);
    std::vector<std::string> first;
    {
      const std::lock_guard lock(mutex_);
      keys_ = std::move(page.keys);
      last_ = page.last;
      if (!keys_.empty()) cursor_ = keys_.back();
      std::erase_if(keys_, [](const std::string& key) { return key.starts_with(kvs_own_prefix); });
      next_ = under_way_ = std::min(kvs_flush_at_once, keys_.size());
      first.assign(keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(next_));
    }
    if (first.empty()) return page_done();
    for (auto& key : first) erase(std::move(key));
  }

  void erase(std::string key) {
    auto r = request(kvs_op::erase);
    r.key = std::move(key);
    kvs_.ask(std::move(r), [self = shared_from_this()](const kvs_result& result) { self->on_erased(result); });
  }

  void on_erased(const kvs_result& result) {
    std::string next;
    bool all = false;
    {
      const std::lock_guard lock(mutex_);
      if (result.code == errc::ok) ++deleted_;
      if (result.code != errc::ok && result.code != errc::not_found && fault_.code == errc::ok) fault_ = result;
      if (fault_.code == errc::ok && next_ < keys_.size())
        next = keys_[next_++];
      else
        all = --under_way_ == 0;
    }
    if (!next.empty()) return erase(std::move(next));
    if (all) page_done();
  }

  void page_done() {
    if (fault_.code != errc::ok) return end(fault_);
    if (!last_ && std::chrono::steady_clock::now() < deadline_) return list();
    if (!last_) {
      fault_.code = errc::deadline_exceeded;
      return end(fault_);
    }
    done_(deleted_);
  }

  void end(const kvs_result& why) {
    done_(fail(why.code == errc::outcome_unknown ? errc::unavailable : why.code,
               why.context + "; " + std::to_string(deleted_) + " keys were deleted, the others are still there"));
  }

  kvs_access& kvs_;
  const time_point deadline_;
  const std::function<void(expected<std::uint64_t>)> done_;
  std::string cursor_;
  std::mutex mutex_;  // of what follows, while deletions are under way
  std::vector<std::string> keys_;
  bool last_ = false;
  std::size_t next_ = 0;
  std::size_t under_way_ = 0;
  std::uint64_t deleted_ = 0;
  kvs_result fault_;
};

}  // namespace

void flush_kvs(kvs_access& kvs, time_point deadline, std::function<void(expected<std::uint64_t>)> done) {
  std::make_shared<flush>(kvs, deadline, std::move(done))->list();
}

}  // namespace troupe
