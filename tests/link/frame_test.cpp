#include "runtime/link/frame.hpp"

#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

void feed(frame_reader& reader, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto space = reader.space();
    const auto size = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), size);
    reader.commit(size);
    bytes.remove_prefix(size);
    if (!bytes.empty()) return;  // the tests feed less than one space at a time
  }
}

TEST(frame_reader, yields_frames_that_arrive_byte_by_byte) {
  frame_reader reader(1024);
  const auto bytes = make_frame(frame_type::cluster, "one") + make_frame(frame_type::request, "") +
                     make_frame(frame_type::actor_message, std::string(1000, 'x'));
  std::vector<std::pair<frame_type, std::string>> seen;
  for (const char byte : bytes) {
    feed(reader, {&byte, 1});
    auto next = reader.next();
    ASSERT_TRUE(next.has_value());
    if (*next) seen.emplace_back((*next)->type, std::string((*next)->payload));
  }
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0], (std::pair{frame_type::cluster, std::string("one")}));
  EXPECT_EQ(seen[1], (std::pair{frame_type::request, std::string()}));
  EXPECT_EQ(seen[2].second.size(), 1000u);
}

TEST(frame_reader, yields_many_frames_of_one_read) {
  frame_reader reader(1024);
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += make_frame(frame_type::reply, std::to_string(i));
  feed(reader, bytes);
  for (int i = 0; i < 100; ++i) {
    auto next = reader.next();
    ASSERT_TRUE(next && *next);
    EXPECT_EQ((*next)->payload, std::to_string(i));
  }
  EXPECT_FALSE(*reader.next());
}

TEST(frame_reader, waits_at_every_truncation) {
  const auto bytes = make_frame(frame_type::cluster, "payload");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    frame_reader reader(1024);
    feed(reader, std::string_view(bytes).substr(0, size));
    auto next = reader.next();
    ASSERT_TRUE(next.has_value()) << size;
    EXPECT_FALSE(*next) << size;
  }
}

TEST(frame_reader, refuses_a_length_of_4_gib_without_allocating) {
  frame_reader reader(1 << 20);
  std::string bytes = make_frame(frame_type::cluster, "");
  bytes[4] = bytes[5] = bytes[6] = bytes[7] = '\xff';
  feed(reader, bytes);
  const auto next = reader.next();
  ASSERT_FALSE(next.has_value());
  EXPECT_EQ(next.error().code, errc::too_large);
  EXPECT_LE(reader.capacity(), 128u * 1024);
}

TEST(frame_reader, refuses_wrong_magic_type_and_reserved_byte) {
  for (const auto& [position, value] : {std::pair{0, 'T'}, {1, 'x'}, {2, '\0'}, {2, '\x63'}, {3, '\1'}}) {
    frame_reader reader(1024);
    auto bytes = make_frame(frame_type::cluster, "payload");
    bytes[static_cast<std::size_t>(position)] = value;
    feed(reader, bytes);
    const auto next = reader.next();
    ASSERT_FALSE(next.has_value()) << position;
    EXPECT_EQ(next.error().code, errc::corrupt);
  }
}

TEST(frame_reader, gives_the_memory_of_a_large_frame_back) {
  frame_reader reader(4 << 20);
  const auto bytes = make_frame(frame_type::cluster, std::string(3 << 20, 'x'));
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const auto space = reader.space();
    const auto size = std::min(space.size(), rest.size());
    std::memcpy(space.data(), rest.data(), size);
    reader.commit(size);
    rest.remove_prefix(size);
    auto next = reader.next();
    ASSERT_TRUE(next.has_value());
    EXPECT_EQ(next->has_value(), rest.empty());
  }
  (void)reader.space();
  EXPECT_LE(reader.capacity(), 128u * 1024);
}

TEST(frame_reader, survives_garbage) {
  random rng(7);
  for (int round = 0; round < 2000; ++round) {
    frame_reader reader(4096);
    std::string bytes(rng.below(200), '\0');
    for (auto& byte : bytes) byte = static_cast<char>(rng.next());
    if (bytes.size() > 2 && rng.chance(0.5)) {
      bytes[0] = 't';
      bytes[1] = 'r';
    }
    feed(reader, bytes);
    for (int i = 0; i < 50; ++i) {
      const auto next = reader.next();
      if (!next || !*next) break;
    }
    EXPECT_LE(reader.capacity(), 128u * 1024);
  }
}

}  // namespace
}  // namespace troupe
