// A node that has nothing but its link and its actors, and an actor that watches another.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "actors/link/actor_directory.hpp"
#include "actors/messages/error.hpp"
#include "tests/link/link_node.hpp"
#include "tests/link/message_types.hpp"

namespace troupe::testing {

/// A node with actors.
struct actor_node {
  peer_identity self;
  watched<std::vector<std::string>> lines;  // of its log: warnings and errors
  std::shared_ptr<event_log> log = event_log::to([this](log_level level, const std::string& line) {
    if (level <= log_level::warn) lines.update([&](auto& all) { all.push_back(line); });
  });
  std::unique_ptr<caf::actor_system_config> config;
  std::unique_ptr<caf::actor_system> system = std::make_unique<caf::actor_system>(*config);
  io_pool io{2};
  std::shared_ptr<link_table> link;
  std::shared_ptr<actor_directory> actors;

  actor_node(std::string name, std::uint64_t id, link_settings settings = test_settings(),
             const std::string& bind = "127.0.0.1:0",
             std::unique_ptr<caf::actor_system_config> types = std::make_unique<system_config>(),
             bool run_on_arrival = true)
      : self{std::move(name), {id, id}, {}},
        config(std::move(types)),
        link(std::make_shared<link_table>(io, *log, std::move(settings))) {
    actors = actor_directory::open(*system, link, io.context(0), log.get(), run_on_arrival);
    EXPECT_TRUE(link->bind(bind).has_value());
    self.address = link->address();
    link->start(self);
    io.start();
  }
  ~actor_node() {
    stop_io();
    for (const auto& a : spawned) caf::anon_send_exit(a, caf::exit_reason::kill);
    spawned.clear();
    actors->close();
    system->await_actors_before_shutdown(false);
    link.reset();
  }
  void stop_io() { io.stop(); }

  [[nodiscard]] link_target target() const { return {self.address, self.id}; }

  /// Its log has, sooner or later, a line with all of these.
  [[nodiscard]] bool logs(std::vector<std::string> parts) {
    return lines.wait([&](const auto& all) {
      return std::any_of(all.begin(), all.end(), [&](const std::string& line) {
        return std::all_of(parts.begin(), parts.end(),
                           [&](const std::string& part) { return line.find(part) != std::string::npos; });
      });
    });
  }

  template <class Behaviour>
  caf::actor spawn(Behaviour behaviour) {
    spawned.push_back(system->spawn(behaviour));
    return spawned.back();
  }

  /// Answers every string with itself; "die" ends it, "hold" is never answered.
  caf::actor publish_echo(const std::string& name = "echo") {
    auto a = spawn([](caf::event_based_actor* me) -> caf::behavior {
      auto held = std::make_shared<std::vector<caf::response_promise>>();
      return {[me, held](const std::string& text) -> caf::result<std::string> {
                if (text == "die") me->quit(caf::exit_reason::user_shutdown);
                if (text == "hold") {
                  held->push_back(me->make_response_promise());
                  return caf::delegated<std::string>();
                }
                return text;
              },
              [](const order& o) { return o; },
              [](const caf::actor& whom, const std::string& text) { caf::anon_send(whom, text); }};
    });
    EXPECT_TRUE(actors->publish(name, a).has_value());
    return a;
  }

  [[nodiscard]] caf::actor find(const actor_node& at, const std::string& name = "echo") {
    auto found = actors->find(at.target(), name);
    EXPECT_TRUE(found.has_value()) << (found ? "" : found.error().context);
    return found.value_or(caf::actor());
  }

  /// A local actor that writes every string it gets into `into`.
  caf::actor collector(watched<std::vector<std::string>>& into) {
    return spawn([&into](caf::event_based_actor*) -> caf::behavior {
      return {[&into](const std::string& text) { into.update([&](auto& all) { all.push_back(text); }); }};
    });
  }

  /// Asks from an actor of this node and waits.
  expected<std::string> ask(const caf::actor& a, const caf::message& question) {
    caf::scoped_actor me(*system);
    expected<std::string> answer = fail(errc::deadline_exceeded, "test");
    me->request(a, patience, question)
        .receive([&](const std::string& text) { answer = text; },
                 [&](const caf::error& e) { answer = tl::unexpected<error>(from_caf(e)); });
    return answer;
  }
  expected<std::string> ask(const caf::actor& a, const std::string& text) { return ask(a, caf::make_message(text)); }

  std::vector<caf::actor> spawned;
};

/// A local actor that watches another; tells why it went down.
struct watcher {
  watched<std::optional<error>> down;
  caf::actor actor;

  watcher(actor_node& node, const caf::actor& whom) {
    watched<bool> ready;
    actor = node.spawn([this, whom, &ready](caf::event_based_actor* me) -> caf::behavior {
      me->set_down_handler([this](caf::down_msg& m) { down.update([&](auto& d) { d = from_caf(m.reason); }); });
      me->monitor(whom);
      ready.update([](bool& r) { r = true; });
      return {[](int) {}};
    });
    EXPECT_TRUE(ready.wait([](bool r) { return r; }));
  }
  [[nodiscard]] bool saw(errc code) {
    return down.wait([&](const auto& d) { return d && d->code == code; });
  }
  [[nodiscard]] bool saw_any() {
    return down.wait([](const auto& d) { return d.has_value(); });
  }
};

}  // namespace troupe::testing
