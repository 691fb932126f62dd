#include <gtest/gtest.h>

#include "actors/net/announcement.hpp"
#include "actors/net/seed_spec.hpp"

namespace troupe {
namespace {

using kind = seed_spec::kind;

TEST(seed_spec, knows_addresses_names_and_service_records) {
  EXPECT_EQ(parse_seed("10.0.0.1:7070"), (seed_spec{kind::address, "10.0.0.1", 7070}));
  EXPECT_EQ(parse_seed("[::1]:7070"), (seed_spec{kind::address, "::1", 7070}));
  EXPECT_EQ(parse_seed("db-1.example:7070"), (seed_spec{kind::host, "db-1.example", 7070}));
  EXPECT_EQ(parse_seed("whole.name.:1"), (seed_spec{kind::host, "whole.name.", 1}));
  EXPECT_EQ(parse_seed("srv:troupe.example"), (seed_spec{kind::service, "troupe.example", 0}));
  EXPECT_EQ(parse_seed("_troupe._udp.example.org"), (seed_spec{kind::service, "_troupe._udp.example.org", 0}));
}

TEST(seed_spec, refuses_what_nobody_can_be_reached_by) {
  for (const auto* text : {"", "n1", ":1", "n1:", "n1:0", "n1:65536", "n1:7x", "::1:7070", "[n1]:7", "0.0.0.0:1",
                           "[::]:1", "10.0.0:1", "a b:1", "srv:", "srv:a b", "_a b", "a..b:1", "1234:1"})
    EXPECT_FALSE(parse_seed(text)) << text;
  EXPECT_FALSE(parse_seed(std::string(300, 'a') + ":1"));
}

TEST(seed_spec, reads_a_file_and_numbers_its_bad_lines) {
  const auto found = parse_seeds("# seeds\n10.0.0.1:7070\r\n\n  n2:7070  # the second\nnonsense\nsrv:x\n:0");
  EXPECT_EQ(found.seeds, (std::vector<std::string>{"10.0.0.1:7070", "n2:7070", "srv:x"}));
  ASSERT_EQ(found.bad.size(), 2u);
  EXPECT_EQ(found.bad[0].number, 5u);
  EXPECT_EQ(found.bad[1].number, 7u);
}

TEST(seed_spec, bounds_what_a_file_may_hold) {
  std::string many;
  for (int i = 0; i < 1100; ++i) many += "n" + std::to_string(i) + ":1\n";
  EXPECT_EQ(parse_seeds(many).seeds.size(), seeds_in_file::seeds_max);
  EXPECT_EQ(parse_seeds(many).bad.size(), 1u);
  std::string bad;
  for (int i = 0; i < 1100; ++i) bad += "?\n";
  EXPECT_EQ(parse_seeds(bad).bad.size(), 100u);
  EXPECT_TRUE(parse_seeds(std::string(seeds_in_file::bytes_max + 1, 'a')).seeds.empty());
}

TEST(announcement, reads_back_and_refuses_damage) {
  const announcement a{"troupe", "10.0.0.1:7070", {1, 2}, true};
  const auto bytes = encode(a);
  const auto again = decode_announcement(bytes);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->cluster, a.cluster);
  EXPECT_EQ(again->address, a.address);
  EXPECT_EQ(again->id, a.id);
  EXPECT_TRUE(again->searching);
  for (std::size_t size = 0; size < bytes.size(); ++size) (void)decode_announcement(bytes.substr(0, size));
  for (const auto& wrong : {announcement{"", "10.0.0.1:1", {1, 2}, false}, announcement{"c", "name:1", {1, 2}, false},
                            announcement{"c", "", {1, 2}, false}, announcement{"c", "10.0.0.1:1", {}, false},
                            announcement{std::string(300, 'c'), "10.0.0.1:1", {1, 2}, false}})
    EXPECT_FALSE(decode_announcement(encode(wrong)));
}

}  // namespace
}  // namespace troupe
