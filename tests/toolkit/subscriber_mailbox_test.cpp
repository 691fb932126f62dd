// One subscription of an actor: what is told before a message, and where it does not go with another one.
#include "actors/toolkit/subscriber_mailbox.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include "actors/link/content_bytes.hpp"
#include "tests/actors/testing_system.hpp"

namespace troupe {
namespace {

class subscriber_mailboxes : public ::testing::Test {
 protected:
  ~subscriber_mailboxes() override {
    mailbox_.reset();
    caf::anon_send_exit(subscriber_, caf::exit_reason::kill);
    system_.run();
  }
  void subscribe(const subscribe_options& o = {}) {
    subscriber_ = system_->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const std::string& text) { got_ += text; },
              [this](const topic_gap& g) {
                got_ += "[" + std::to_string(g.missed) + (g.exact ? "" : "+") + (g.late ? " late]" : "]");
              }};
    });
    mailbox_ = std::make_shared<subscriber_mailbox>(subscriber_, "t", o, numbers_);
  }
  void offer(const std::string& text, bool late = false) {
    auto bytes = content_bytes(caf::make_message(text), *system_);
    ASSERT_TRUE(bytes) << describe(bytes.error());
    offer_bytes(std::move(*bytes), late);
  }
  void offer_bytes(std::string bytes, bool late) {
    EXPECT_TRUE(
        mailbox_->offer(std::make_shared<topic_item>(std::make_shared<const std::string>(std::move(bytes))), late));
  }
  std::string heard() {
    mailbox_->pump();
    system_.run();
    return got_;
  }

  std::shared_ptr<subscriber_numbers> numbers_ = std::make_shared<subscriber_numbers>();
  std::string got_;
  testing_system system_;
  caf::actor subscriber_;
  std::shared_ptr<subscriber_mailbox> mailbox_;
};

TEST_F(subscriber_mailboxes, a_late_message_is_told_as_such_just_before_it) {
  subscribe();
  offer("a");
  offer("b", true);
  mailbox_->miss({2, false});
  offer("c");
  mailbox_->miss({1, true});
  offer("d", true);
  EXPECT_EQ(heard(), "a[0 late]b[2+]c[1 late]d");
}

TEST_F(subscriber_mailboxes, a_late_message_that_is_dropped_or_unreadable_makes_no_other_one_late) {
  subscribe({.waiting_max = 2});
  offer("a", true);
  offer("b");
  offer("c");
  EXPECT_EQ(heard(), "[1]bc");
  EXPECT_EQ(numbers_->dropped.load(), 1u);
  offer_bytes("\xff\xff nothing that can be read", true);
  offer("d");
  EXPECT_EQ(heard(), "[1]bc[1]d");
  EXPECT_EQ(numbers_->unreadable.load(), 1u);
}

TEST_F(subscriber_mailboxes, who_wants_no_gaps_gets_the_messages_alone) {
  subscribe({.tell_gaps = false});
  mailbox_->miss({2, true});
  offer("a", true);
  EXPECT_EQ(heard(), "a");
}

}  // namespace
}  // namespace troupe
