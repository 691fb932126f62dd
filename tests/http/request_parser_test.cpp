#include "gateways/http/request_parser.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"

namespace troupe {
namespace {

constexpr std::uint64_t header_max = 1024;
constexpr std::uint64_t body_max = 4096;

const std::string plain_request =
    "PUT /v1/cache/default/a%20b?ttl=30s HTTP/1.1\r\nHost: here\r\nX-Request-Id: abc\r\nContent-Length: 5\r\n\r\nvalue";
const std::string chunked_request =
    "PUT /k HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nTrailer: t\r\n\r\n";

parse_status parse(std::string_view bytes) {
  request_parser parser(header_max, body_max);
  return parser.feed(bytes);
}

std::string with(const std::string& fields) { return "GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n"; }

// Feeds a growing copy that lies somewhere else each time, as a connection's buffer does.
void expect_same_at_every_cut(const std::string& text, std::string_view body) {
  for (std::size_t step = 1; step <= text.size(); ++step) {
    request_parser parser(header_max, body_max);
    parse_status status = parse_status::need_more;
    std::string buffer;
    for (std::size_t size = 0; status == parse_status::need_more && size < text.size();) {
      size = std::min(size + step, text.size());
      buffer = std::string(text.data(), size);
      status = parser.feed(buffer);
      if (size < text.size()) {
        ASSERT_EQ(status, parse_status::need_more) << "at " << size;
      }
    }
    ASSERT_EQ(status, parse_status::ready) << "step " << step;
    EXPECT_EQ(parser.consumed(), text.size());
    EXPECT_EQ(parser.request().method, http_method::put);
    EXPECT_EQ(parser.request().body, body);
    EXPECT_EQ(parser.request().field("HOST"), "here");
  }
}

TEST(request_parser, reads_a_request_at_every_cut) { expect_same_at_every_cut(plain_request, "value"); }

TEST(request_parser, reads_a_chunked_request_at_every_cut) { expect_same_at_every_cut(chunked_request, "abcd"); }

TEST(request_parser, needs_more_at_every_truncation) {
  for (const auto& text : {plain_request, chunked_request}) {
    for (std::size_t size = 0; size < text.size(); ++size) {
      EXPECT_EQ(parse(text.substr(0, size)), parse_status::need_more) << size;
    }
  }
}

TEST(request_parser, splits_target_and_leaves_it_encoded) {
  request_parser parser(header_max, body_max);
  ASSERT_EQ(parser.feed(plain_request), parse_status::ready);
  EXPECT_EQ(parser.request().path, "/v1/cache/default/a%20b");
  EXPECT_EQ(parser.request().query, "ttl=30s");
  EXPECT_EQ(parser.request().field("x-request-id"), "abc");
  EXPECT_EQ(parser.request().field("absent"), "");
  EXPECT_TRUE(parser.request().keep_alive);
}

TEST(request_parser, stops_at_the_end_of_the_first_of_several) {
  request_parser parser(header_max, body_max);
  const std::string two = plain_request + chunked_request;
  ASSERT_EQ(parser.feed(two), parse_status::ready);
  ASSERT_EQ(parser.consumed(), plain_request.size());
  parser.reset();
  ASSERT_EQ(parser.feed(std::string_view(two).substr(plain_request.size())), parse_status::ready);
  EXPECT_EQ(parser.request().body, "abcd");
  EXPECT_EQ(parser.request().field("x-request-id"), "");
}

TEST(request_parser, forgives_an_empty_line_before_a_request) {
  request_parser parser(header_max, body_max);
  const std::string text = "\r\n" + plain_request;
  EXPECT_EQ(parser.feed("\r"), parse_status::need_more);
  ASSERT_EQ(parser.feed(text), parse_status::ready);
  EXPECT_EQ(parser.consumed(), text.size());
  EXPECT_EQ(parser.request().path, "/v1/cache/default/a%20b");
}

TEST(request_parser, takes_the_absolute_form_of_a_target) {
  request_parser parser(header_max, body_max);
  ASSERT_EQ(parser.feed("GET http://host:80/livez?x=1 HTTP/1.1\r\nHost: host\r\n\r\n"), parse_status::ready);
  EXPECT_EQ(parser.request().path, "/livez");
  EXPECT_EQ(parser.request().query, "x=1");
}

TEST(request_parser, knows_when_a_connection_is_kept) {
  const auto kept = [](const std::string& text) {
    request_parser parser(header_max, body_max);
    EXPECT_EQ(parser.feed(text), parse_status::ready);
    return parser.request().keep_alive;
  };
  EXPECT_TRUE(kept("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_FALSE(kept("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(kept("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(kept("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(request_parser, refuses_what_is_malformed) {
  const std::string broken[] = {
      "garbage\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\nHost: x\n\n",
      "GET no-slash HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",  // no Host
      with("Host: y\r\n"),       // two of them
      with("Bad Name: y\r\n"),
      with("Folded: a\r\n b\r\n"),
      with("No-Colon\r\n"),
      with("Content-Length: -1\r\n"),
      with("Content-Length: 1, 2\r\n"),
      with("Content-Length: 99999999999999999999\r\n"),
      with("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),  // who is right?
      with("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
      "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      with("Transfer-Encoding: chunked\r\n") + "zz\r\nabc\r\n0\r\n\r\n",
      with("Transfer-Encoding: chunked\r\n") + "3\r\nabcdef\r\n0\r\n\r\n",
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),  // a TLS hello
      std::string("GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 27),
  };
  for (const auto& text : broken) EXPECT_EQ(parse(text), parse_status::malformed) << text;
}

TEST(request_parser, refuses_transfer_codings_that_it_does_not_know) {
  EXPECT_EQ(parse(with("Transfer-Encoding: gzip\r\n")), parse_status::not_implemented);
  EXPECT_EQ(parse(with("Transfer-Encoding: gzip, chunked\r\n")), parse_status::not_implemented);
}

TEST(request_parser, refuses_expectations_that_it_does_not_know) {
  EXPECT_EQ(parse(with("Expect: miracles\r\n")), parse_status::bad_expectation);
}

TEST(request_parser, refuses_an_announced_body_before_it_comes) {
  EXPECT_EQ(parse(with("Content-Length: 4294967296\r\n")), parse_status::body_too_large);
  EXPECT_EQ(parse(with("Content-Length: 4097\r\n")), parse_status::body_too_large);
  EXPECT_EQ(parse(with("Content-Length: 4096\r\n")), parse_status::need_more);
}

TEST(request_parser, refuses_chunks_that_add_up_to_too_much) {
  const std::string head = with("Transfer-Encoding: chunked\r\n");
  EXPECT_EQ(parse(head + "FFFFFFFF\r\nabc"), parse_status::body_too_large);
  EXPECT_EQ(parse(head + "1001\r\nabc"), parse_status::body_too_large);
  std::string many = head;
  for (int i = 0; i < 5; ++i) many += "400\r\n" + std::string(1024, 'x') + "\r\n";
  EXPECT_EQ(parse(many), parse_status::body_too_large);
}

TEST(request_parser, refuses_chunks_whose_lines_outweigh_them) {
  const std::string head = with("Transfer-Encoding: chunked\r\n");
  EXPECT_EQ(parse(head + "1;" + std::string(request_parser::chunk_line_max + 8, 'x')), parse_status::malformed);
  std::string many = head;
  for (int i = 0; i < 300; ++i) many += "1;" + std::string(1000, 'x') + "\r\ny\r\n";
  EXPECT_EQ(parse(many), parse_status::body_too_large);
}

TEST(request_parser, refuses_headers_beyond_the_limit) {
  EXPECT_EQ(parse(with("Long: " + std::string(header_max, 'x') + "\r\n")), parse_status::header_too_large);
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nLong: " + std::string(header_max, 'x')), parse_status::header_too_large);
  EXPECT_EQ(parse("GET /" + std::string(header_max, 'x')), parse_status::uri_too_long);
  request_parser roomy(1024 * 1024, body_max);
  std::string fields;
  for (std::size_t i = 0; i <= request_parser::fields_max; ++i) fields += "F: v\r\n";
  EXPECT_EQ(roomy.feed(with(fields)), parse_status::header_too_large);
}

TEST(request_parser, says_how_large_a_request_will_be) {
  request_parser parser(header_max, body_max);
  const auto head = plain_request.substr(0, plain_request.size() - 5);
  ASSERT_EQ(parser.feed(head), parse_status::need_more);
  ASSERT_TRUE(parser.header_done());
  EXPECT_EQ(parser.size_hint(), plain_request.size());
}

// Any bytes at any cut give an answer, and what is ready lies inside what was fed.
TEST(request_parser, survives_mutated_requests) {
  random dice(20260131);
  const std::string sources[] = {plain_request, chunked_request,
                                 with("Expect: 100-continue\r\nContent-Length: 3\r\n") + "abc"};
  static constexpr std::string_view spice = "\r\n\t :;,%?/0123456789afF\0\xff";
  for (int round = 0; round < 30000; ++round) {
    std::string text = sources[dice.below(3)];
    for (std::uint64_t i = 0, n = 1 + dice.below(4); i < n; ++i) {
      const std::size_t at = dice.below(text.size());
      switch (dice.below(4)) {
        case 0: text[at] = static_cast<char>(dice.below(256)); break;
        case 1: text[at] = spice[dice.below(spice.size())]; break;
        case 2: text.insert(at, 1, spice[dice.below(spice.size())]); break;
        default: text.erase(at, 1 + dice.below(3)); break;
      }
    }
    request_parser parser(header_max, body_max);
    parse_status status = parse_status::need_more;
    for (std::size_t size = 0; status == parse_status::need_more && size < text.size();) {
      size = std::min<std::size_t>(text.size(), size + 1 + dice.below(40));
      const std::string buffer = text.substr(0, size);
      status = parser.feed(buffer);
      if (status != parse_status::ready) continue;
      ASSERT_LE(parser.consumed(), size);
      ASSERT_LE(parser.request().body.size(), body_max);
      ASSERT_LE(parser.request().path.size() + parser.request().query.size(), size);
    }
  }
}

}  // namespace
}  // namespace troupe
