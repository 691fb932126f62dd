// Three real nodes with an application's actors: one that answers, types that are spawned by name.
#pragma once

#include <troupe/caf_actors.hpp>
#include <troupe/local_cluster.hpp>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include "tests/db/temporary_directory.hpp"

namespace troupe {

using namespace std::chrono_literals;

/// A value that threads change and a test looks at.
template <class T>
class guarded {
 public:
  template <class Change>
  void update(Change change) {
    const std::lock_guard lock(mutex_);
    change(value_);
  }
  [[nodiscard]] T read() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

class actors_test : public ::testing::Test {
 protected:
  void start(std::size_t nodes = 3) {
    local_cluster_options o;
    o.nodes = nodes;
    o.services = {"cache"};
    if (keeps_logs_) o.log_level = "warn";
    o.adjust = [this](config& c, std::size_t i) {
      if (keeps_logs_) c.log.file = logs_.path() + "/" + c.node.name;
      c.node.tags["role"] = i == 0 ? "front" : "worker";
      c.node.tags["zone"] = i == 1 ? "eu" : "us";
    };
    o.equip = [](node_options& brings, std::size_t i) {
      const auto name = "n" + std::to_string(i + 1);
      brings.actors.emplace().configure = [name, i](caf::actor_system_config& c) {
        c.add_actor_type("teller", [name](caf::event_based_actor*, std::string greeting) -> caf::behavior {
          return {[name, greeting](const std::string& whom) { return greeting + " " + whom + " from " + name; }};
        });
        if (i == 2) c.add_actor_type("rare", [](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
      };
    };
    auto started = local_cluster::start(std::move(o));
    ASSERT_TRUE(started) << describe(started.error());
    cluster_.emplace(std::move(*started));
  }
  [[nodiscard]] local_cluster& cluster() { return *cluster_; }
  [[nodiscard]] cluster_actors& at(std::size_t i) { return cluster_->at(i).actors(); }
  [[nodiscard]] static std::string name(std::size_t i) { return "n" + std::to_string(i + 1); }
  void wait_until(const std::function<bool()>& holds, const std::string& what) {
    ASSERT_TRUE(cluster_->wait_until([&](local_cluster&) { return holds(); })) << what;
  }

  /// The log of node `i` so far.
  [[nodiscard]] std::string log_of(std::size_t i) const {
    std::ifstream in(logs_.path() + "/" + name(i));
    return {std::istreambuf_iterator<char>(in), {}};
  }

  /// Answers strings with its node's name before them; "hold" never; ends at "die".
  caf::actor echo(std::size_t i) {
    return at(i).system().spawn([who = name(i)](caf::event_based_actor* me) -> caf::behavior {
      auto held = std::make_shared<std::vector<caf::response_promise>>();
      return {[me, who, held](const std::string& text) -> caf::result<std::string> {
        if (text == "die") me->quit();
        if (text == "hold") {
          held->push_back(me->make_response_promise());
          return caf::delegated<std::string>();
        }
        return who + ": " + text;
      }};
    });
  }

  /// Asks from an actor of node `i`.
  expected<std::string> ask(std::size_t i, const caf::actor& a, const std::string& text) {
    caf::scoped_actor me(at(i).system());
    expected<std::string> answer = fail(errc::deadline_exceeded, "test");
    me->request(a, 20s, text)
        .receive([&](const std::string& s) { answer = s; },
                 [&](const caf::error& e) { answer = tl::unexpected<error>(from_caf(e)); });
    return answer;
  }

  /// What an actor of node `i` sees of another: why it went down, how its requests ended.
  struct sight {
    std::optional<error> down;
    std::vector<errc> answers;
  };
  std::shared_ptr<guarded<sight>> watch(std::size_t i, const caf::actor& a, int requests) {
    auto seen = std::make_shared<guarded<sight>>();
    watchers_.push_back(at(i).system().spawn([seen, a, requests](caf::event_based_actor* me) -> caf::behavior {
      me->set_down_handler([seen](caf::down_msg& m) { seen->update([&](sight& s) { s.down = from_caf(m.reason); }); });
      me->monitor(a);
      for (int n = 0; n < requests; ++n) {
        me->request(a, caf::infinite, std::string("hold"))
            .then([](const std::string&) {},
                  [seen](const caf::error& e) {
                    seen->update([&](sight& s) { s.answers.push_back(from_caf(e).code); });
                  });
      }
      return {[](int) {}};
    }));
    return seen;
  }

  [[nodiscard]] std::optional<member_state> state_seen(std::size_t by, std::size_t of) {
    for (const auto& m : cluster().at(by).view()->members) {
      if (m.name == name(of)) return m.state;
    }
    return std::nullopt;
  }

  /// Node `i` finds so many under the key.
  void expect_found(std::size_t i, const std::string& key, std::size_t count) {
    wait_until([&] { return at(i).registry().find(key).size() == count; },
               name(i) + " finds " + std::to_string(count) + " as " + key);
  }

  temporary_directory logs_;
  bool keeps_logs_ = false;  // for log_of()
  std::optional<local_cluster> cluster_;
  std::vector<caf::actor> watchers_;  // an actor that nobody knows ends
};

}  // namespace troupe
