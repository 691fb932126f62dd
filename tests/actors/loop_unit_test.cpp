#include "actors/loop_unit.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/post.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include "actors/io_pool.hpp"

namespace troupe {
namespace {

struct loop_units : testing::Test {
  void SetUp() override {
    settings.set("scheduler.policy", caf::atom("sharing"));
    settings.set("scheduler.max-threads", std::size_t{1});
  }

  /// As a node does: the actor ends, then the thread that may have run it, then the system.
  void end(caf::actor_system& system, const caf::actor& actor) {
    caf::scoped_actor self(system);
    self->send_exit(actor, caf::exit_reason::kill);
    self->wait_for(actor);
    io.stop();
  }

  caf::actor_system_config settings;
  io_pool io{1};
};

using id_promise = std::shared_ptr<std::promise<std::thread::id>>;

caf::behavior tells_its_thread(caf::event_based_actor*, const id_promise& where) {
  return {[where](int) { where->set_value(std::this_thread::get_id()); }};
}

/// Until the turn that CAF gives a new actor is over.
void wait_until_at_rest(const caf::actor& a) {
  auto* actor = dynamic_cast<caf::scheduled_actor*>(caf::actor_cast<caf::abstract_actor*>(a));
  ASSERT_NE(actor, nullptr);
  while (!actor->mailbox().blocked()) std::this_thread::yield();
}

TEST_F(loop_units, run_an_actor_at_rest_on_the_thread_of_the_loop) {
  io.start();
  loop_unit unit(io.context(0));
  caf::actor_system system(settings);
  std::promise<std::thread::id> loop;
  boost::asio::post(io.context(0), [&] { loop.set_value(std::this_thread::get_id()); });
  const auto where = std::make_shared<std::promise<std::thread::id>>();
  const auto actor = system.spawn(tells_its_thread, where);
  wait_until_at_rest(actor);
  unit.send(actor, caf::make_message(1));
  EXPECT_EQ(where->get_future().get(), loop.get_future().get());
  end(system, actor);
}

TEST_F(loop_units, run_an_actor_on_one_thread_at_a_time_whoever_writes_to_it) {
  constexpr int each = 20'000;
  io.start();
  loop_unit unit(io.context(0));
  std::promise<void> all;
  int seen = 0;  // of the actor: without a lock on purpose
  std::atomic<int> inside{0};
  std::atomic<bool> twice{false};
  {
    caf::actor_system system(settings);
    const auto actor = system.spawn([&](caf::event_based_actor*) -> caf::behavior {
      return {[&](int) {
        if (++inside != 1) twice = true;
        if (++seen == 3 * each) all.set_value();
        --inside;
      }};
    });
    std::vector<std::thread> writers;
    writers.emplace_back([&] {
      for (int i = 0; i < each; ++i) unit.send(actor, caf::make_message(i));
    });
    writers.emplace_back([&] {
      for (int i = 0; i < each; ++i) caf::anon_send(actor, i);
    });
    for (int i = 0; i < each; ++i) unit.send(actor, caf::make_message(i));
    for (auto& w : writers) w.join();
    all.get_future().wait();
    end(system, actor);
  }
  EXPECT_FALSE(twice);
  EXPECT_EQ(seen, 3 * each);
}

TEST_F(loop_units, leave_an_actor_to_the_workers_when_the_loop_is_gone) {
  auto loop = std::make_unique<boost::asio::io_context>();  // nobody runs it
  loop_unit unit(*loop);
  caf::actor_system system(settings);
  const auto where = std::make_shared<std::promise<std::thread::id>>();
  const auto actor = system.spawn(tells_its_thread, where);
  wait_until_at_rest(actor);
  unit.send(actor, caf::make_message(1));
  loop.reset();
  EXPECT_NE(where->get_future().get(), std::thread::id());
  caf::anon_send_exit(actor, caf::exit_reason::kill);
}

}  // namespace
}  // namespace troupe
