// Two programs of one cluster, of which one has raised the version of a protobuf message: to its node the name is
// another C++ type here, with the same bytes and a later message_version.
#include <string>
#include <utility>

#include "tests/link/actor_node.hpp"

namespace troupe {
namespace testing {

/// wire::Stamp as the later program knows it.
struct later_stamp {
  wire::Stamp fields;

  [[nodiscard]] std::string GetTypeName() const { return fields.GetTypeName(); }
  [[nodiscard]] std::string SerializePartialAsString() const { return fields.SerializePartialAsString(); }
  bool ParsePartialFromString(const std::string& bytes) { return fields.ParsePartialFromString(bytes); }
  [[nodiscard]] std::size_t ByteSizeLong() const { return fields.ByteSizeLong(); }
};

}  // namespace testing

template <>
inline constexpr std::uint32_t message_version<testing::later_stamp> = 2;

namespace {

using namespace testing;
using way = dead_letters::way;

struct later_config : caf::actor_system_config {
  later_config() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
    add_protobuf<later_stamp>(*this);
  }
};

later_stamp of_term(std::uint64_t term) {
  later_stamp s;
  s.fields.set_term(term);
  return s;
}

/// A node of the program as it was, and one of the later program; each answers a stamp with its term.
class message_versions : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(earlier.actors->publish("stamps", earlier.spawn([](caf::event_based_actor*) -> caf::behavior {
      return {[](const wire::Stamp& s) { return std::to_string(s.term()); }};
    })));
    ASSERT_TRUE(later.actors->publish("stamps", later.spawn([](caf::event_based_actor*) -> caf::behavior {
      return {[](const later_stamp& s) { return std::to_string(s.fields.term()); },
              [](const std::string& text) -> caf::message {
                if (text == "stamp") return caf::make_message(of_term(7));
                return caf::make_message(text);
              }};
    })));
  }

  actor_node earlier{"earlier", 1};
  actor_node later{"later", 2, test_settings(), "127.0.0.1:0", std::make_unique<later_config>()};
};

TEST_F(message_versions, an_earlier_one_is_read) {
  EXPECT_EQ(earlier.ask(earlier.find(later, "stamps"), caf::make_message(of_term(9).fields)), "9");
}

TEST_F(message_versions, a_later_one_is_answered_with_not_implemented_and_the_link_goes_on) {
  earlier.publish_echo();
  const auto stamps = later.find(earlier, "stamps");
  const auto answer = later.ask(stamps, caf::make_message(of_term(9)));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, errc::not_implemented);
  EXPECT_NE(answer.error().context.find("troupe.wire.Stamp"), std::string::npos) << answer.error().context;
  EXPECT_NE(answer.error().context.find("2"), std::string::npos) << "it says the version: " << answer.error().context;
  EXPECT_EQ(later.ask(later.find(earlier), "the link goes on"), "the link goes on");
  caf::anon_send(stamps, of_term(9));
  EXPECT_TRUE(eventually([&] { return earlier.actors->letters()->count(way::in, errc::not_implemented) >= 2; }))
      << "one that nobody waits for is counted";
}

TEST_F(message_versions, a_later_answer_is_an_error_at_the_asker) {
  const auto answer = earlier.ask(earlier.find(later, "stamps"), "stamp");
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, errc::not_implemented) << answer.error().context;
  EXPECT_EQ(earlier.ask(earlier.find(later, "stamps"), "words"), "words");
}

}  // namespace
}  // namespace troupe
