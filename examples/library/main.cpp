// A library inside an application. Books are rows of a model, served over HTTP with a rule and a field of our own; who
// has lent which is in tables of our own, in another namespace of the same database.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <troupe/node.hpp>

namespace {

using troupe::entity_call;
using troupe::entity_fields;
using troupe::expected;

// ISBN-10: the digits, each times its place from the right, sum up to a multiple of 11.
bool is_isbn(const std::string& text) {
  if (text.size() != 10) return false;
  int sum = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool ten = i == 9 && text[i] == 'X';
    if (!ten && (text[i] < '0' || text[i] > '9')) return false;
    sum += static_cast<int>(10 - i) * (ten ? 10 : text[i] - '0');
  }
  return sum % 11 == 0;
}

// How rows of Book are seen on their way in and out. All of it runs on threads of the node.
troupe::entity_extension book_rules() {
  troupe::entity_extension rules;
  rules.before_validation = [](const entity_call&, entity_fields& book) -> expected<void> {
    const auto isbn = book.find("isbn");
    if (auto* text = isbn == book.end() ? nullptr : std::get_if<std::string>(&isbn->second)) std::erase(*text, '-');
    return {};
  };
  rules.before_write = [](const entity_call&, entity_fields& book) -> expected<void> {
    const auto isbn = book.find("isbn");
    const auto* text = isbn == book.end() ? nullptr : std::get_if<std::string>(&isbn->second);
    if (text == nullptr || is_isbn(*text)) return {};
    return troupe::fail(troupe::errc::invalid_argument, "isbn: its check digit is wrong");
  };
  rules.after_read = [](const entity_call& call, entity_fields& book) {
    const auto* title = std::get_if<std::string>(&book["title"]);
    book["label"] = "B" + std::to_string(call.id) + " " + (title == nullptr ? "?" : *title);
  };
  return rules;
}

const std::vector<troupe::migration> loans_tables = {
    {1, "loan", "create table loan(book bigint primary key, reader text not null)"},
    {2, "history", "create table history(book bigint not null, reader text not null)"}};

// One reader has a book at a time, and each loan is remembered: both or neither.
expected<void> lend(troupe::database& loans, std::int64_t book, const std::string& reader) {
  const auto take = loans.prepare("take", "insert into loan(book, reader) values($1, $2)");
  const auto note = loans.prepare("note", "insert into history(book, reader) values($1, $2)");
  if (!take || !note) return troupe::fail(troupe::errc::invalid_argument, "a statement is at fault");
  return loans.transact([&](troupe::blocking_transaction& t) -> expected<void> {
    for (const auto& s : {*note, *take}) {
      if (auto done = t.run(s, {book, reader}); !done) return tl::unexpected(done.error());
    }
    return {};
  });
}

// A client as small as can be: what the node at `address` answers, status line and all.
std::string ask(const std::string& address, const std::string& method, const std::string& path,
                const std::string& body = {}) {
  const auto colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
    const auto text = method + " " + path + " HTTP/1.1\r\nHost: library\r\nConnection: close\r\nContent-Type: " +
                      "application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    (void)!::write(fd, text.data(), text.size());
    char some[4096];
    for (ssize_t n = 0; (n = ::read(fd, some, sizeof some)) > 0;) answer.append(some, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return answer;
}

void show(const char* what, const std::string& answer) {
  const auto body = answer.find("\r\n\r\n");
  std::printf("%s: %s %s\n", what, answer.substr(9, 3).c_str(), body == answer.npos ? "" : answer.c_str() + body + 4);
}

}  // namespace

int main() {
  troupe::config settings;
  settings.node.name = "library";
  settings.node.services = {"http", "db", "entities"};
  settings.node.data_dir = "./library-data";
  settings.cluster.bind = "127.0.0.1:0";
  settings.http.bind = "127.0.0.1:0";
  settings.log.level = "warn";
  settings.entities.model = LIBRARY_MODEL;
  // The same program on PostgreSQL, on as many nodes as you like:
  if (const char* dsn = std::getenv("LIBRARY_DSN")) {
    settings.db.type = "postgres";
    settings.db.dsn = dsn;
  }

  troupe::node_options options;
  options.entities["Book"] = book_rules();
  auto node = troupe::node::start(settings, std::move(options));
  if (!node) {
    std::fprintf(stderr, "no node: %s\n", describe(node.error()).c_str());
    return 1;
  }
  auto loans = node->open_database("loans", loans_tables);
  if (!loans || !node->wait_ready()) return 1;

  const auto http = node->addresses().http;
  const std::string books = "/v1/entities/book";
  show("author", ask(http, "POST", "/v1/entities/author", R"({"name": "Mary Shelley"})"));
  show("book", ask(http, "POST", books, R"({"title": "Frankenstein", "isbn": "0-14-143947-5", "author_id": 1})"));
  show("bad", ask(http, "POST", books, R"({"title": "The Last Man", "isbn": "0-14-143947-2", "author_id": 1})"));
  show("found", ask(http, "GET", books + "?title=like:Frank%25"));
  show("hers", ask(http, "GET", "/v1/entities/author/1/books"));

  const auto first = lend(*loans, 1, "Percy");
  const auto second = lend(*loans, 1, "John");
  const auto lent = loans->query("select count(*) from history");
  if (!first || second || !lent) return 1;
  std::printf("lent: once (%s), %lld in the history\n", describe(second.error()).c_str(),
              static_cast<long long>(*lent->get<std::int64_t>(0, 0)));
  return node->leave() ? 0 : 1;
}
