#include "actors/link/actor_codec.hpp"

#include <caf/make_message.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>

#include <gtest/gtest.h>

#include "actors/messages/error.hpp"
#include "runtime/base/random.hpp"
#include "tests/link/message_types.hpp"

namespace troupe {
namespace {

using testing::order;
using testing::system_config;

struct no_handles final : handle_codec {
  void write_handle(std::vector<char>& to, const caf::strong_actor_ptr&) override { to.push_back(0); }
  bool read_handle(std::string_view& from, caf::strong_actor_ptr&) override {
    if (from.empty()) return false;
    from.remove_prefix(1);
    return true;
  }
};

struct actor_codec : ::testing::Test {
  system_config config;
  caf::actor_system system{config};
  no_handles handles;

  expected<std::string> write(const caf::message& m) {
    std::vector<char> bytes;
    if (auto done = write_content(bytes, system, m, handles); !done) return tl::unexpected<error>(done.error());
    return std::string(bytes.data(), bytes.size());
  }
  expected<caf::message> read(std::string_view bytes) { return read_content(bytes, system, handles); }

  [[nodiscard]] caf::message rich() const {
    return caf::make_message(std::string("text"), std::uint64_t{42}, order{7, "hat", {1, 2, 3}}, caf::atom("go"),
                             std::vector<char>{'a', 'b'}, true, std::vector<std::string>{"x", "y"});
  }
};

TEST_F(actor_codec, carries_builtin_and_registered_types) {
  const auto bytes = write(rich());
  ASSERT_TRUE(bytes.has_value()) << bytes.error().context;
  const auto back = read(*bytes);
  ASSERT_TRUE(back.has_value()) << back.error().context;
  ASSERT_TRUE((back->match_elements<std::string, std::uint64_t, order, caf::atom_value, std::vector<char>, bool,
                                    std::vector<std::string>>()));
  EXPECT_EQ(back->get_as<std::uint64_t>(1), 42u);
  EXPECT_EQ(back->get_as<order>(2), (order{7, "hat", {1, 2, 3}}));
}

TEST_F(actor_codec, carries_errors_with_their_words_and_nested_messages) {
  const auto bytes = write(caf::make_message(to_caf({errc::peer_lost, "gone"}), caf::make_message(std::string("in")),
                                             caf::exit_msg{nullptr, caf::sec::request_timeout}));
  ASSERT_TRUE(bytes.has_value()) << bytes.error().context;
  const auto back = read(*bytes);
  ASSERT_TRUE(back.has_value());
  const auto e = from_caf(back->get_as<caf::error>(0));
  EXPECT_EQ(e.code, errc::peer_lost);
  EXPECT_EQ(e.context, "gone");
  EXPECT_EQ(back->get_as<caf::message>(1).get_as<std::string>(0), "in");
  EXPECT_EQ(back->get_as<caf::exit_msg>(2).reason, caf::sec::request_timeout);
}

TEST_F(actor_codec, refuses_what_cannot_leave_the_node) {
  for (const auto& m : {caf::make_message(1.0), caf::make_message(1.0f), caf::make_message(1.0L),
                        caf::make_message(testing::unregistered{}), caf::make_message(testing::envelope{})}) {
    const auto bytes = write(m);
    ASSERT_FALSE(bytes.has_value()) << caf::to_string(m);
    EXPECT_EQ(bytes.error().code, errc::invalid_argument);
  }
}

TEST_F(actor_codec, refuses_content_cut_at_any_byte_or_too_long) {
  const auto bytes = write(rich());
  ASSERT_TRUE(bytes.has_value());
  for (std::size_t size = 0; size < bytes->size(); ++size) {
    const auto back = read(std::string_view(*bytes).substr(0, size));
    ASSERT_FALSE(back.has_value()) << size;
    EXPECT_EQ(back.error().code, errc::corrupt) << size;
  }
  EXPECT_FALSE(read(*bytes + "x").has_value());
}

TEST_F(actor_codec, refuses_a_type_that_is_not_registered_here) {
  const auto back = read(std::string("\1\0\0\3abc\0\0\0\0", 11));
  ASSERT_FALSE(back.has_value());
  EXPECT_EQ(back.error().code, errc::not_implemented);
}

TEST_F(actor_codec, answers_a_type_of_another_form_and_goes_on) {
  auto bytes = *write(caf::make_message(order{7, "hat", {1}}));
  const std::size_t length_at = 1 + 2 + 1 + std::string_view("troupe::testing::order").size();
  for (const int by : {-1, 1}) {  // a field less than the receiver knows, and one more
    auto other = by < 0 ? bytes.substr(0, bytes.size() - 1) : bytes + "x";
    other[length_at] = static_cast<char>(other[length_at] + by);
    const auto back = read(other);
    ASSERT_FALSE(back.has_value());
    EXPECT_EQ(back.error().code, errc::not_implemented) << back.error().context;
    EXPECT_NE(back.error().context.find("order"), std::string::npos);
  }
}

TEST_F(actor_codec, carries_protobuf_types_by_their_name) {
  wire::Stamp s;
  s.set_term(7);
  s.set_epoch(9);
  const auto bytes = write(caf::make_message(s, std::vector<wire::Stamp>{s}));
  ASSERT_TRUE(bytes.has_value()) << bytes.error().context;
  EXPECT_NE(bytes->find("troupe.wire.Stamp"), std::string::npos);
  const auto back = read(*bytes);
  ASSERT_TRUE(back.has_value()) << back.error().context;
  ASSERT_TRUE((back->match_elements<wire::Stamp, std::vector<wire::Stamp>>()));
  EXPECT_EQ(back->get_as<wire::Stamp>(0).epoch(), 9u);
  EXPECT_EQ(back->get_as<std::vector<wire::Stamp>>(1).at(0).term(), 7u);
  EXPECT_NE(caf::to_string(*back).find("troupe.wire.Stamp"), std::string::npos) << "logs show its name and size";
}

TEST_F(actor_codec, refuses_a_protobuf_type_of_a_later_version_or_of_other_bytes) {
  wire::Stamp s;
  s.set_term(7);
  auto bytes = *write(caf::make_message(s));
  const std::size_t version_at = 1 + 2 + 1 + std::string_view("troupe.wire.Stamp").size() + 4;
  ASSERT_EQ(bytes.size(), version_at + 4 + 1 + 2) << "version, length, two bytes of protobuf";
  auto later = bytes;
  later[version_at] = later[version_at + 3] = 2;  // in either byte order
  const auto refused = read(later);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, errc::not_implemented);
  EXPECT_NE(refused.error().context.find("troupe.wire.Stamp"), std::string::npos) << refused.error().context;
  bytes.back() = '\xff';
  bytes[bytes.size() - 2] = '\xff';
  const auto noise = read(bytes);
  ASSERT_FALSE(noise.has_value());
  EXPECT_EQ(noise.error().code, errc::invalid_argument);
}

TEST_F(actor_codec, survives_garbage) {
  const auto bytes = write(rich());
  ASSERT_TRUE(bytes.has_value());
  random rng(17);
  for (int round = 0; round < 5000; ++round) {
    auto damaged = *bytes;
    for (int i = 0; i < 3; ++i) damaged[rng.below(damaged.size())] = static_cast<char>(rng.next());
    (void)read(damaged);
    std::string noise(rng.below(40), '\0');
    for (auto& c : noise) c = static_cast<char>(rng.next());
    (void)read(noise);
  }
}

TEST(caf_error, survives_the_way_through_caf) {
  for (int code = 1; code <= static_cast<int>(errc_last); ++code) {
    const error e{static_cast<errc>(code), "why"};
    EXPECT_EQ(from_caf(to_caf(e)).code, e.code);
    EXPECT_EQ(from_caf(to_caf(e)).context, "why");
    EXPECT_EQ(from_caf(make_error(e.code)).context, "");
  }
  EXPECT_EQ(from_caf(caf::sec::request_timeout).code, errc::outcome_unknown);
  EXPECT_EQ(from_caf(caf::sec::request_receiver_down).code, errc::unavailable);
}

}  // namespace
}  // namespace troupe
