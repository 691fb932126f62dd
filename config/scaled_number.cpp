#include "config/scaled_number.hpp"

#include <numeric>

namespace troupe {
namespace {

constexpr std::size_t fraction_digits_max = 18;
constexpr std::int64_t denominator_max = 1'000'000'000'000'000'000;  // 10 to that

struct decimal {
  std::int64_t value = 0;
  std::int64_t denominator = 1;  // 10 to the number of digits; stays at its limit beyond it
};

/// Takes the leading digits off `text`; nothing when there are none or their value is too large.
std::optional<decimal> take_digits(std::string_view& text) noexcept {
  decimal d;
  std::size_t count = 0;
  for (; count < text.size() && text[count] >= '0' && text[count] <= '9'; ++count) {
    if (__builtin_mul_overflow(d.value, 10, &d.value)) return std::nullopt;
    if (__builtin_add_overflow(d.value, text[count] - '0', &d.value)) return std::nullopt;
    if (d.denominator < denominator_max) d.denominator *= 10;
  }
  if (count == 0) return std::nullopt;
  text.remove_prefix(count);
  return d;
}

std::optional<std::int64_t> factor_of(std::string_view unit, std::span<const scale> units) noexcept {
  for (const scale& s : units) {
    if (s.unit == unit) return s.factor;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_scaled(std::string_view text, std::span<const scale> units) noexcept {
  const auto whole = take_digits(text);
  if (!whole) return std::nullopt;
  decimal fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::size_t before = text.size();
    const auto digits = take_digits(text);
    if (!digits || before - text.size() > fraction_digits_max) return std::nullopt;
    fraction = *digits;
  }
  const auto factor = factor_of(text, units);
  if (!factor) return std::nullopt;

  const std::int64_t common = std::gcd(fraction.value, fraction.denominator);
  const std::int64_t denominator = fraction.denominator / common;
  if (*factor % denominator != 0) return std::nullopt;
  const std::int64_t part = fraction.value / common * (*factor / denominator);  // below *factor

  std::int64_t result = 0;
  if (__builtin_mul_overflow(whole->value, *factor, &result)) return std::nullopt;
  if (__builtin_add_overflow(result, part, &result)) return std::nullopt;
  return result;
}

}  // namespace troupe
