#include "runtime/link/send_queue.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include <gtest/gtest.h>

#include "runtime/link/chunks.hpp"

namespace troupe {
namespace {

constexpr std::uint64_t share = 256 * 1024;

struct received {
  frame_type type;
  std::string payload;
};

// What a peer would make of the bytes, chunks put together.
std::vector<received> read_all(const std::vector<std::string>& blocks) {
  std::vector<received> frames;
  frame_reader reader(2 << 20);
  reassembler chunks({.message_max = 64 << 20, .streams_max = 16, .bytes_max = 256 << 20});
  for (const auto& block : blocks) {
    std::string_view rest = block;
    while (!rest.empty()) {
      const auto space = reader.space();
      const auto size = std::min(space.size(), rest.size());
      std::memcpy(space.data(), rest.data(), size);
      reader.commit(size);
      rest.remove_prefix(size);
      for (;;) {
        auto next = reader.next();
        EXPECT_TRUE(next.has_value());
        if (!next || !*next) break;
        if ((*next)->type != frame_type::chunk) {
          frames.push_back({(*next)->type, std::string((*next)->payload)});
          continue;
        }
        auto whole = chunks.on_chunk((*next)->payload);
        EXPECT_TRUE(whole.has_value());
        if (whole && *whole) frames.push_back({(*whole)->type, std::move((*whole)->payload)});
      }
    }
  }
  return frames;
}

TEST(send_queue, gives_frames_back_in_order) {
  send_queue q({.bytes_max = 1 << 20, .message_max = 1 << 20});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(q.push(frame_type::request, "head", std::to_string(i)));
  std::vector<std::string> blocks;
  const auto bytes = q.take(blocks, share);
  EXPECT_EQ(blocks.size(), 1u);
  const auto frames = read_all(blocks);
  ASSERT_EQ(frames.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(frames[static_cast<std::size_t>(i)].payload, "head" + std::to_string(i));
  EXPECT_TRUE(q.empty());
  EXPECT_EQ(q.bytes(), bytes);
  q.written(bytes, blocks);
  EXPECT_EQ(q.bytes(), 0u);
}

TEST(send_queue, refuses_beyond_its_bytes_until_they_are_written) {
  send_queue q({.bytes_max = 10000, .message_max = 5000, .reserve = 100});
  const std::string body(992, 'x');
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(q.push(frame_type::cluster, {}, body));
  EXPECT_EQ(q.push(frame_type::cluster, {}, "x").error().code, errc::unavailable);
  EXPECT_TRUE(q.push(frame_type::actor_down, {}, std::string(92, 'x'), true));
  EXPECT_EQ(q.push(frame_type::actor_down, {}, "x", true).error().code, errc::unavailable);
  std::vector<std::string> blocks;
  const auto bytes = q.take(blocks, share);
  EXPECT_EQ(q.push(frame_type::cluster, {}, "x").error().code, errc::unavailable) << "still being written";
  q.written(bytes, blocks);
  EXPECT_TRUE(q.push(frame_type::cluster, {}, "x"));
}

TEST(send_queue, refuses_a_message_larger_than_the_limit) {
  send_queue q({.bytes_max = 10000, .message_max = 5000});
  EXPECT_EQ(q.push(frame_type::cluster, "x", std::string(5000, 'x')).error().code, errc::too_large);
  EXPECT_TRUE(q.push(frame_type::cluster, {}, std::string(5000, 'x')));
}

TEST(send_queue, cuts_large_messages_into_chunks) {
  for (const std::size_t extra : {std::size_t{0}, std::size_t{1}, chunk_max - 4, chunk_max, 9 * chunk_max}) {
    send_queue q({.bytes_max = 64 << 20, .message_max = 64 << 20});
    std::string body(chunk_max + extra, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 >> 3);
    ASSERT_TRUE(q.push(frame_type::request, "head", body));
    std::vector<std::string> blocks;
    const auto counted = q.bytes();
    const auto taken = q.take(blocks, ~std::uint64_t{0});
    EXPECT_EQ(counted, taken);
    std::uint64_t real = 0;
    for (const auto& b : blocks) real += b.size();
    EXPECT_EQ(real, taken);
    const auto frames = read_all(blocks);
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].payload, "head" + body);
  }
}

TEST(send_queue, lets_votes_pass_a_large_value) {
  send_queue q({.bytes_max = 64 << 20, .message_max = 64 << 20});
  ASSERT_TRUE(q.push(frame_type::request, {}, std::string(10 << 20, 'x')));
  ASSERT_TRUE(q.push(frame_type::cluster, {}, "vote"));
  std::vector<std::string> blocks;
  const auto taken = q.take(blocks, share);
  EXPECT_LT(taken, 2u << 20);
  const auto frames = read_all(blocks);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].payload, "vote");
}

TEST(send_queue, absorbs_another_with_chunks_under_way) {
  send_queue q({.bytes_max = 64 << 20, .message_max = 64 << 20}, 1);
  send_queue other({.bytes_max = 64 << 20, .message_max = 64 << 20}, 65536);
  ASSERT_TRUE(q.push(frame_type::request, {}, std::string(2 << 20, 'a')));
  ASSERT_TRUE(other.push(frame_type::request, {}, std::string(3 << 20, 'b')));
  ASSERT_TRUE(other.push(frame_type::cluster, {}, "c"));
  const auto bytes = q.bytes() + other.bytes();
  q.absorb(other);
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(q.bytes(), bytes);
  std::vector<std::string> blocks;
  EXPECT_EQ(q.take(blocks, ~std::uint64_t{0}), bytes);
  EXPECT_EQ(read_all(blocks).size(), 3u);
}

TEST(send_queue, a_write_that_was_cut_short_goes_on_where_it_ended) {
  const std::vector<std::string> blocks{"ab", "", "cde"};
  const auto rest = [&](std::size_t done) {
    std::vector<std::string> pieces;
    for_rest(blocks, done, [&](std::string_view piece) { pieces.emplace_back(piece); });
    return pieces;
  };
  using pieces = std::vector<std::string>;
  EXPECT_EQ(rest(0), (pieces{"ab", "cde"}));
  EXPECT_EQ(rest(1), (pieces{"b", "cde"}));
  EXPECT_EQ(rest(2), (pieces{"cde"}));
  EXPECT_EQ(rest(4), (pieces{"e"}));
  EXPECT_EQ(rest(5), pieces{});
}

}  // namespace
}  // namespace troupe
