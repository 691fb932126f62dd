#include "tests/fuzz/service_seeds.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <tuple>

#include "runtime/entities/cached_row.hpp"
#include "runtime/entities/list_query.hpp"
#include "runtime/entities/model_reader.hpp"
#include "runtime/grains/grain_name.hpp"
#include "runtime/link/chunks.hpp"
#include "runtime/link/handshake.hpp"
#include "runtime/pubsub/pubsub_message.hpp"
#include "runtime/reminders/reminder_entry.hpp"
#include "tests/fuzz/book_model.hpp"

namespace {

using namespace troupe;

void write(const std::filesystem::path& file, const std::string& bytes) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << bytes;
}
std::string chosen(char choice, const std::string& bytes) { return choice + bytes; }

void write_entities(const std::filesystem::path& at) {
  write(at / "json", chosen('\0', R"({"a": [1, 2.5, true, null, "\u00e4"], "b": {}})"));
  write(at / "model", chosen('\1', R"({"entities": [{"typeName": "Book",
    "properties": {"Title": {"type": "string", "required": true, "index": "nonUnique", "selectable": "eq,like"}},
    "compositeIndexes": [{"index": "title, title"}],
    "relations": [{"relName": "ToBook", "properties": {"relType": "belongsTo", "toEntity": "Book"}}]}]})"));
  write(at / "list", chosen('\2', "title=in:a,b&year=ge:1990&$orderby=title desc&$limit=7&$offset=3&$count=true"));
  const auto file = read_model(book_model);
  list_query q;
  q.order = "year";
  q.scope = token_scope({}, {});
  const auto token = page_token(file->model.entities.at(0), q, {std::int64_t{1990}, 7});
  write(at / "next", chosen('\2', "$orderby=year&$next=" + token));
  write(at / "row", chosen('\3', pack_cached_row(7, R"({"id":7,"title":"x"})")));
  write(at / "row_key", chosen('\3', text_of(cached_row_key{"book", 7})));
}

void write_grains(const std::filesystem::path& at) {
  write(at / "address", chosen('\0', encode(grain_address{"account", "42", 1, {7, 3}})));
  write(at / "reminder_key", chosen('\1', *reminder_prefix("account", "42") + "close"));
  write(at / "remembered_key", chosen('\1', *reminder_prefix("line", "{42}:7")));
  write(at / "reminder", chosen('\2', encode(reminder_entry{1'700'000'000'000, 60'000, "payload"})));
}

void write_pubsub(const std::filesystem::path& at) {
  using namespace troupe::pubsub;
  write(at / "update",
        encode(interest_update{1, 3, {{{topic_kind::channel, "news"}, 2}, {{topic_kind::pattern, "n*"}, 0}}, 5}));
  write(at / "messages", encode(std::vector<channel_message>{{topic_kind::channel, "news", "hello"},
                                                             {topic_kind::shard_channel, "s", ""}}));
  write(at / "answer", encode_pubsub_answer(7));
}

link_mac mac_of(std::string_view, std::string_view) {
  constexpr std::string_view the_mac = "only who knows the secret has it";  // as in link.cpp
  link_mac mac;
  std::copy_n(the_mac.begin(), mac.size(), mac.begin());
  return mac;
}

void write_link(const std::filesystem::path& at) {
  const auto frames = make_frame(frame_type::request, "hello") + make_frame(frame_type::close, "");
  write(at / "frames", chosen('\0', frames));
  write(at / "frames_in_pieces", chosen('\x1c', frames));
  std::string chunks;
  for (const auto& [id, offset, part] : {std::tuple(1U, 0U, "hel"), {2U, 0U, "x"}, {1U, 3U, "lo"}}) {
    std::string payload;
    append_chunk_head(payload, {id, frame_type::request, id == 1 ? 5U : 9U, offset});
    chunks += make_frame(frame_type::chunk, payload + part);
  }
  write(at / "chunks", chosen('\1', chunks));

  const auto of = [](const char* name, std::uint64_t id) {
    return handshake_settings{.self = {name, {id, id}, "a:7070"}, .cluster = "test", .secrets = {"first", "second"}};
  };
  link_nonce nonce;
  nonce.fill('d');
  auto dialler = handshake::dial(of("b", 2), nonce, mac_of);
  auto acceptor = handshake::accept(of("a", 1), nonce, mac_of);
  const auto give = [](handshake& to, const std::string& bytes) {
    const auto type = static_cast<frame_type>(
        decode_header(std::span<const char, frame_header_size>(bytes.data(), frame_header_size), handshake_frame_max)
            ->type);
    return to.on_frame(type, std::string_view(bytes).substr(frame_header_size));
  };
  const auto hello = dialler.start();
  const auto challenge = give(acceptor, hello);
  const auto proof = give(dialler, challenge);
  (void)give(acceptor, proof);
  const auto welcome = acceptor.admit();
  (void)give(dialler, welcome);
  write(at / "to_a_dialler", chosen('\2', challenge + welcome));
  write(at / "to_an_acceptor", chosen('\3', hello + proof + dialler.confirm()));
  write(at / "refused", chosen('\2', acceptor.refuse(link_refusal::overloaded, "too many connections")));
}

}  // namespace

void write_service_seeds(const std::filesystem::path& corpus) {
  write_entities(corpus / "entities");
  write_grains(corpus / "grains");
  write_link(corpus / "link");
  write_pubsub(corpus / "pubsub");
}
