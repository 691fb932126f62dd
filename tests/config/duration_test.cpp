#include <limits>
#include <random>

#include <gtest/gtest.h>

#include <troupe/config.hpp>
#include <troupe/time.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;

TEST(duration_text, reads_every_unit) {
  EXPECT_EQ(parse_duration("250ms"), duration(250ms));
  EXPECT_EQ(parse_duration("30s"), duration(30s));
  EXPECT_EQ(parse_duration("5m"), duration(5min));
  EXPECT_EQ(parse_duration("2h"), duration(2h));
  EXPECT_EQ(parse_duration("7d"), duration(168h));
  EXPECT_EQ(parse_duration("0s"), duration(0s));
  EXPECT_EQ(parse_duration("007s"), duration(7s));
}

TEST(duration_text, reads_fractions_that_are_exact) {
  EXPECT_EQ(parse_duration("1.5s"), duration(1500ms));
  EXPECT_EQ(parse_duration("0.25h"), duration(15min));
  EXPECT_EQ(parse_duration("0.000001ms"), duration(1ns));
  EXPECT_EQ(parse_duration("1.500000000000000000s"), duration(1500ms));
  EXPECT_FALSE(parse_duration("0.0000001ms"));
  EXPECT_FALSE(parse_duration("0.00000000001s"));
}

TEST(duration_text, refuses_what_is_no_duration) {
  for (const char* text :
       {"",    "s",    "ms",  "5",   "0",      "-5s",  "+5s",   " 5s", "5s ",   "5 s", "5S",   "5sec", "5us",
        "5ns", "1e3s", ".5s", "5.s", "1.2.3s", "1,5s", "0x10s", "5ss", "1h30m", "nan", "infs", "5s\n", "\0x"}) {
    const auto d = parse_duration(text);
    ASSERT_FALSE(d) << text;
    EXPECT_EQ(d.error().code, errc::invalid_argument);
  }
  EXPECT_FALSE(parse_duration(std::string_view("5s\0", 3)));
}

TEST(duration_text, refuses_what_overflows) {
  EXPECT_EQ(parse_duration("106751d"), duration(24h) * 106751);
  EXPECT_FALSE(parse_duration("106752d"));
  EXPECT_FALSE(parse_duration("9223372037s"));
  EXPECT_EQ(parse_duration("9223372036.854775807s"), duration::max());
  EXPECT_FALSE(parse_duration("9223372036.854775808s"));
  EXPECT_FALSE(parse_duration("99999999999999999999999999999ms"));
  EXPECT_FALSE(parse_duration(std::string(1 << 20, '9') + "s"));
}

TEST(duration_text, is_written_in_the_largest_unit_that_divides) {
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(75s), "75s");
  EXPECT_EQ(format_duration(90min), "90m");
  EXPECT_EQ(format_duration(48h), "2d");
  EXPECT_EQ(format_duration(1500us), "1.5ms");
  EXPECT_EQ(format_duration(1ns), "0.000001ms");
  EXPECT_EQ(format_duration(-30s), "-30s");
  EXPECT_EQ(format_duration(duration::min()), "-9223372036854.775808ms");
}

TEST(duration_text, reads_back_what_it_writes) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const auto bits = static_cast<std::int64_t>(random() >> (1 + random() % 60));
    const duration d(i % 2 == 0 ? bits : bits / 1'000'000 * 1'000'000);
    ASSERT_EQ(parse_duration(format_duration(d)), d) << format_duration(d);
  }
  EXPECT_EQ(parse_duration(format_duration(duration::max())), duration::max());
}

TEST(size_text, reads_bytes_and_binary_units) {
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("1000"), 1000u);
  EXPECT_EQ(parse_size("16KiB"), 16 * kib);
  EXPECT_EQ(parse_size("64MiB"), 64 * mib);
  EXPECT_EQ(parse_size("1GiB"), 1024 * mib);
  EXPECT_EQ(parse_size("2TiB"), 2048 * 1024 * mib);
  EXPECT_EQ(parse_size("1.5KiB"), 1536u);
  EXPECT_EQ(parse_size("9223372036854775807"), 9223372036854775807u);
}

TEST(size_text, refuses_decimal_units_signs_and_overflow) {
  for (const char* text : {"", "KiB", "1KB", "1kb", "1K", "1M", "1MB", "-1", "+1", "1.5", "0.0001KiB", "1 KiB", "1e6",
                           "8388608TiB", "9223372036854775808", "0.0000000000000000000KiB", "99999999999999999999"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(size_text, reads_back_what_it_writes) {
  EXPECT_EQ(format_size(64 * mib), "64MiB");
  EXPECT_EQ(format_size(1536), "1536");
  EXPECT_EQ(format_size(0), "0");
  std::mt19937_64 random(2);
  for (int i = 0; i < 5000; ++i) {
    const std::uint64_t bytes = (random() >> 10 >> random() % 54) << (random() % 8);
    ASSERT_EQ(parse_size(format_size(bytes)), bytes);
  }
}

}  // namespace
}  // namespace troupe
