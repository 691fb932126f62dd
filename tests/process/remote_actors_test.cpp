// The application's actors across processes: a handle of an actor in another process, and what becomes of it at kill
// -9.
#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>

#include <caf/event_based_actor.hpp>

#include "tests/process/actor_processes.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using test::patience;

class remote_actors : public test::actor_processes {
 protected:
  void SetUp() override {
    start_here(2);
    start_peer();
  }
  void start_peer() {
    peer_ = make_peer(TROUPE_ACTOR_PEER, "there");
    ASSERT_TRUE(peer_->wait_for("ready")) << peer_->err();
  }
  static bool eventually(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }
  caf::actor find_echo() {
    EXPECT_TRUE(eventually([&] { return cluster().registry().one("echo").has_value(); }));
    return cluster().registry().one("echo").value_or(caf::actor());
  }

  /// Outlives the test: actors and listeners hold it.
  struct sight {
    std::atomic<int> lost{0};
    std::atomic<bool> down{false};
    std::atomic<bool> failed{false};
  };

  std::unique_ptr<test::program> peer_;
};

TEST_F(remote_actors, of_another_process_are_found_asked_and_spawned) {
  const auto echo = find_echo();
  EXPECT_EQ(ask(echo, "hello"), "hello");
  const auto spawned = cluster().spawn("pid", {}, where::on("there"));
  ASSERT_TRUE(spawned) << describe(spawned.error());
  EXPECT_EQ(ask(*spawned, "?"), std::to_string(peer_->pid()));
  EXPECT_EQ(cluster().spawn("pid", {}, where::here()).error().code, errc::not_implemented);
}

TEST_F(remote_actors, fail_at_once_when_their_process_is_killed_and_the_next_one_is_found) {
  const auto echo = find_echo();
  const auto seen = std::make_shared<sight>();
  const auto watcher = cluster().system().spawn([seen, echo](caf::event_based_actor* me) -> caf::behavior {
    me->set_down_handler([seen](caf::down_msg& m) { seen->down = from_caf(m.reason).code == errc::peer_lost; });
    me->monitor(echo);
    for (int i = 0; i < 50; ++i) {
      me->request(echo, caf::infinite, std::string("hold"))
          .then([](const std::string&) {},
                [seen](const caf::error& e) { seen->lost += from_caf(e).code == errc::peer_lost; });
    }
    return {[](int) {}};
  });
  ASSERT_EQ(ask(echo, "all are there"), "all are there");
  peer_->kill_at_once();
  EXPECT_TRUE(eventually([&] { return seen->lost == 50 && seen->down; })) << seen->lost;
  EXPECT_TRUE(eventually([&] { return cluster().registry().find("echo").empty(); }));
  start_peer();
  // Until membership has judged, the dead one may be found as well: asking it fails at once.
  EXPECT_TRUE(eventually([&] { return ask(find_echo(), "the next") == "the next"; }));
  EXPECT_FALSE(ask(echo, "the old handle"));
}

TEST_F(remote_actors, reach_each_other_by_topics_and_what_is_retained_outlives_the_process) {
  struct heard {
    std::mutex mutex;
    std::string last;
  };
  const auto listen = [&] {
    auto h = std::make_shared<heard>();
    const auto a = cluster().system().spawn([h](caf::event_based_actor*) -> caf::behavior {
      return {[h](const std::string& text) {
                const std::lock_guard lock(h->mutex);
                h->last = text;
              },
              [](const topic_gap&) {}};
    });
    EXPECT_TRUE(cluster().topics().subscribe(a, "pong"));
    return h;
  };
  const auto last = [](const std::shared_ptr<heard>& h) {
    const std::lock_guard lock(h->mutex);
    return h->last;
  };
  const auto first = listen();
  ASSERT_TRUE(eventually([&] { return cluster().topics().subscribers("ping") == 1; }));
  ASSERT_TRUE(cluster().topics().publish("ping", caf::make_message(std::string("hello"))));
  ASSERT_TRUE(eventually([&] { return last(first) == "hello"; }));
  peer_->kill_at_once();
  const auto later = listen();
  EXPECT_TRUE(eventually([&] { return last(later) == "hello"; }));
  EXPECT_TRUE(eventually([&] { return cluster().topics().subscribers("ping") == 0; }));
}

TEST_F(remote_actors, are_sent_everything_reliably_though_their_process_is_killed) {
  const auto mail = cluster().delivery().sender("mail");
  ASSERT_TRUE(mail) << describe(mail.error());
  const auto handled = std::make_shared<std::atomic<int>>(0);
  const auto post = [&](int count) {
    return cluster().system().spawn([s = *mail, handled, count](caf::event_based_actor* me) -> caf::behavior {
      for (int i = 0; i < count; ++i) {
        me->request(s, caf::infinite, std::to_string(i)).then([handled](caf::ok_atom) { ++*handled; });
      }
      return {[](int) {}};
    });
  };
  const auto before = post(200);
  EXPECT_TRUE(eventually([&] { return *handled > 0; }));
  peer_->kill_at_once();
  const auto after = post(100);
  start_peer();
  EXPECT_TRUE(eventually([&] { return *handled == 300; })) << *handled;
}

TEST_F(remote_actors, of_a_stopped_process_go_down_when_membership_says_so) {
  const auto echo = find_echo();
  const auto seen = std::make_shared<sight>();
  here_->on_event([seen](const event& e) { seen->failed = seen->failed || e.kind == "member_failed"; });
  const auto watcher = cluster().system().spawn([seen, echo](caf::event_based_actor* me) -> caf::behavior {
    me->set_down_handler([seen](caf::down_msg& m) { seen->down = from_caf(m.reason).code == errc::peer_lost; });
    me->monitor(echo);
    return {[](int) {}};
  });
  ASSERT_EQ(ask(echo, "up"), "up");
  peer_->signal(SIGSTOP);
  EXPECT_TRUE(eventually([&] { return seen->failed.load(); }));
  EXPECT_TRUE(eventually([&] { return seen->down.load(); }));
  peer_->signal(SIGCONT);
}

}  // namespace
}  // namespace troupe
