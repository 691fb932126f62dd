// Strings that are numbers.
#include <cmath>

#include "runtime/cache/procedures/functions.hpp"

namespace troupe::procedures {

namespace {

void count(procedure_call& c, std::int64_t by) {
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  const auto value = s.present ? read_integer(s.bytes) : 0;
  if (!value) return c.reply.error(not_an_integer);
  std::int64_t sum = 0;
  if (__builtin_add_overflow(*value, by, &sum)) return c.reply.error("ERR increment or decrement would overflow");
  if (!put_string(c, c[0], std::to_string(sum), s.expiry)) return;
  c.keys.tell(event_kind::string, "incrby", c[0]);
  c.reply.integer(sum);
}

void incr(procedure_call& c) { count(c, 1); }
void decr(procedure_call& c) { count(c, -1); }

void incrby(procedure_call& c) {
  if (const auto by = integer_word(c, 1)) count(c, *by);
}

void decrby(procedure_call& c) {
  const auto by = integer_word(c, 1);
  if (!by) return;
  if (*by == std::numeric_limits<std::int64_t>::min()) return c.reply.error("ERR decrement would overflow");
  count(c, -*by);
}

// Copies get the sum as it is written here.
void incrbyfloat(procedure_call& c) {
  const auto s = find_string(c, c[0]);
  if (!s.good) return;
  const auto value = s.present ? read_long_real(s.bytes) : 0.0L;
  const auto by = read_long_real(c[1]);
  if (!value || !by) return c.reply.error(not_a_float);
  const long double sum = *value + *by;
  if (std::isnan(sum) || std::isinf(sum)) return c.reply.error("ERR increment would produce NaN or Infinity");
  const auto text = text_of_long_real(sum);
  if (!put_string(c, c[0], text, s.expiry)) return;
  c.keys.tell(event_kind::string, "incrbyfloat", c[0]);
  c.reply.bulk(text);
}

}  // namespace

function counter_function(procedure p) noexcept {
  switch (p) {
    case procedure::incr: return incr;
    case procedure::decr: return decr;
    case procedure::incrby: return incrby;
    case procedure::decrby: return decrby;
    case procedure::incrbyfloat: return incrbyfloat;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
