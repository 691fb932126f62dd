#include "runtime/link/chunks.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

constexpr reassembly_limits limits{.message_max = 100, .streams_max = 2, .bytes_max = 150};

std::string chunk(std::uint32_t id, std::uint64_t total, std::uint64_t offset, std::string_view bytes,
                  frame_type type = frame_type::request) {
  std::string payload;
  append_chunk_head(payload, {id, type, total, offset});
  payload.append(bytes);
  return payload;
}

errc code_of(reassembler& r, const std::string& payload) {
  const auto result = r.on_chunk(payload);
  return result ? errc::ok : result.error().code;
}

TEST(reassembler, puts_interleaved_messages_together) {
  reassembler r(limits);
  EXPECT_FALSE(*r.on_chunk(chunk(1, 6, 0, "abc")));
  EXPECT_FALSE(*r.on_chunk(chunk(2, 4, 0, "12", frame_type::cluster)));
  auto first = r.on_chunk(chunk(1, 6, 3, "def"));
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->payload, "abcdef");
  EXPECT_EQ((*first)->type, frame_type::request);
  auto second = r.on_chunk(chunk(2, 4, 2, "34", frame_type::cluster));
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->payload, "1234");
  EXPECT_EQ(r.streams(), 0u);
  EXPECT_EQ(r.bytes(), 0u);
}

TEST(reassembler, refuses_what_does_not_continue) {
  const auto begun = [] {
    reassembler r(limits);
    EXPECT_EQ(code_of(r, chunk(1, 6, 0, "abc")), errc::ok);
    return r;
  };
  for (const auto& bad :
       {chunk(1, 6, 0, "abc"), chunk(1, 6, 2, "cde"), chunk(1, 6, 4, "e"), chunk(1, 7, 3, "def"),
        chunk(1, 6, 3, "defg"), chunk(2, 6, 3, "def"), chunk(1, 6, 3, ""), chunk(1, 6, 3, "def", frame_type::reply),
        chunk(3, 6, 0, "a", frame_type::hello), chunk(3, 0, 0, "a"), chunk(3, 6, ~std::uint64_t{0}, "a")}) {
    auto r = begun();
    EXPECT_EQ(code_of(r, bad), errc::corrupt);
  }
}

TEST(reassembler, bounds_messages_streams_and_bytes) {
  reassembler r(limits);
  EXPECT_EQ(code_of(r, chunk(1, 101, 0, "a")), errc::too_large);
  EXPECT_EQ(code_of(r, chunk(1, ~std::uint64_t{0}, 0, "a")), errc::too_large);
  EXPECT_EQ(code_of(r, chunk(1, 90, 0, "a")), errc::ok);
  EXPECT_EQ(code_of(r, chunk(2, 61, 0, "a")), errc::too_large);
  EXPECT_EQ(code_of(r, chunk(2, 60, 0, "a")), errc::ok);
  EXPECT_EQ(code_of(r, chunk(3, 2, 0, "a")), errc::too_large);
}

TEST(reassembler, refuses_every_truncated_head) {
  const auto whole = chunk(1, 6, 0, "a");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    reassembler r(limits);
    EXPECT_EQ(code_of(r, whole.substr(0, size)), errc::corrupt) << size;
  }
}

TEST(reassembler, survives_garbage_within_its_limits) {
  reassembler r(limits);
  random rng(11);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = chunk(static_cast<std::uint32_t>(rng.below(4)), rng.below(120), rng.below(4), "ab");
    if (rng.chance(0.3)) bytes[rng.below(bytes.size())] = static_cast<char>(rng.next());
    (void)r.on_chunk(bytes);
    ASSERT_LE(r.streams(), limits.streams_max);
    ASSERT_LE(r.bytes(), limits.bytes_max);
  }
}

}  // namespace
}  // namespace troupe
