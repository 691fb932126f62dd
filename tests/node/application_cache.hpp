// Three real nodes with caches as an application has them, and loaders that a test holds in its hand.
#pragma once

#include <troupe/local_cluster.hpp>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/http/raw_client.hpp"
#include "tests/resp/raw_client.hpp"

namespace troupe {

using namespace std::chrono_literals;

/// A loader that notes what it is asked for; the test answers, or `answer_all` does at once.
class hand_loader {
 public:
  struct asked {
    std::size_t node = 0;
    std::string key;
    load_callback done;
  };

  cache_loader at(std::size_t node) {
    return [this, node](const std::string& key, time_point, load_callback done) {
      std::function<load_result(const std::string&)> answer;
      {
        const std::lock_guard lock(mutex_);
        ++calls_;
        answer = answer_;
        if (!answer) waiting_.push_back({node, key, done});
        arrived_.notify_all();
      }
      if (answer) done(answer(key));
    };
  }
  void answer_all(std::function<load_result(const std::string&)> f) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(f);
  }
  /// The next that is asked for and not answered.
  asked next() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, 20s, [this] { return !waiting_.empty(); })) {
      ADD_FAILURE() << "nothing is loaded";
      return {0, {}, [](const load_result&) {}};
    }
    auto first = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    return first;
  }
  int calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::function<load_result(const std::string&)> answer_;
  std::vector<asked> waiting_;
  int calls_ = 0;
};

inline load_result found(std::string bytes, std::optional<duration> ttl = std::nullopt) {
  return std::optional(loaded_value{std::move(bytes), ttl});
}
inline load_result found_none() { return std::optional<loaded_value>(); }

/// An answer that comes later.
template <class Answer>
class promised {
 public:
  std::function<void(Answer)> callback() {
    return [s = state_](Answer a) {
      const std::lock_guard lock(s->mutex);
      s->answer.emplace(std::move(a));
      s->came.notify_all();
    };
  }
  bool came() const {
    const std::lock_guard lock(state_->mutex);
    return state_->answer.has_value();
  }
  Answer get() {
    std::unique_lock lock(state_->mutex);
    if (!state_->came.wait_for(lock, 30s, [this] { return state_->answer.has_value(); }))
      return fail(errc::deadline_exceeded, "no answer came");
    return *state_->answer;
  }

 private:
  struct state {
    std::mutex mutex;
    std::condition_variable came;
    std::optional<Answer> answer;
  };
  std::shared_ptr<state> state_ = std::make_shared<state>();
};

struct application_cache : ::testing::Test {
  void start(std::function<void(config&)> adjust) {
    local_cluster_options options;
    options.nodes = 3;
    options.services = {"http", "resp", "cache"};
    options.adjust = [adjust = std::move(adjust)](config& c, std::size_t) { adjust(c); };
    auto started = local_cluster::start(std::move(options));
    ASSERT_TRUE(started) << describe(started.error());
    cluster.emplace(std::move(*started));
  }
  void load_by(hand_loader& loader, const std::string& name, const loader_options& options = {}) {
    for (std::size_t i = 0; i < cluster->size(); ++i) {
      const auto set = cluster->at(i).set_loader(name, loader.at(i), options);
      ASSERT_TRUE(set) << describe(set.error());
    }
  }
  cache handle(std::size_t node, const std::string& name) { return *cluster->at(node).open_cache(name); }
  promised<expected<cache_value>> ask(std::size_t node, const std::string& name, const std::string& key,
                                      duration deadline = 10s) {
    promised<expected<cache_value>> p;
    handle(node, name).get(key, p.callback(), deadline);
    return p;
  }
  raw_answer http(std::size_t node, const std::string& method, const std::string& target,
                  const std::string& body = {}) {
    raw_client c(cluster->at(node).addresses().http);
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: test\r\n";
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return c.call(text + "\r\n" + body);
  }
  std::string redis(std::size_t node, const std::string& line, std::size_t bytes) {
    resp::client c(cluster->at(node).addresses().resp);
    return c.ask(line + "\r\n", bytes);
  }
  /// A number of the node's metrics; -1 when it is not there.
  double metric(std::size_t node, const std::string& name) {
    const auto text = http(node, "GET", "/metrics").body;
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

  std::optional<local_cluster> cluster;
};

}  // namespace troupe
