// The rows of the command table, by what they are about. Included by command_table.cpp only.
#pragma once

#include <array>

#include "gateways/resp/command_table.hpp"
#include "gateways/resp/commands.hpp"

namespace troupe::resp {

namespace row_words {

inline constexpr std::uint32_t any_time = flag_loading | flag_stale;
inline constexpr std::uint32_t talk = flag_noscript | any_time | flag_fast;
inline constexpr std::uint32_t ask = flag_readonly | flag_fast;
inline constexpr std::uint32_t quiet = flag_noscript | any_time;
inline constexpr std::uint32_t rule = flag_admin | quiet;
inline constexpr std::uint32_t listen = flag_pubsub | quiet | flag_subscriber | flag_alone;
inline constexpr std::uint32_t at_once = talk | flag_transaction;

}  // namespace row_words

// clang-format off
inline constexpr auto connection_rows = [] {
  using namespace row_words;
  using enum command_group;
  return std::to_array<command_row>({
    // name                  arity flags                            group       first last step container handler
    {"auth",                   -2, talk | flag_no_auth,             connection,   0,  0, 0, false, run_auth},
    {"client",                 -2, 0,                               connection,   0,  0, 0, true,  nullptr},
    {"client|caching",          3, quiet,                           connection,   0,  0, 0, false, run_client_caching},
    {"client|getname",          2, quiet,                           connection,   0,  0, 0, false, run_client_getname},
    {"client|getredir",         2, quiet,                           connection,   0,  0, 0, false, run_client_getredir},
    {"client|help",             2, any_time,                        connection,   0,  0, 0, false, run_help},
    {"client|id",               2, quiet,                           connection,   0,  0, 0, false, run_client_id},
    {"client|info",             2, quiet,                           connection,   0,  0, 0, false, run_client_info},
    {"client|kill",            -3, rule,                            connection,   0,  0, 0, false, run_client_kill},
    {"client|list",            -2, rule,                            connection,   0,  0, 0, false, run_client_list},
    {"client|no-evict",         3, rule,                            connection,   0,  0, 0, false, run_client_no_evict},
    {"client|no-touch",         3, quiet,                           connection,   0,  0, 0, false, run_client_no_touch},
    {"client|pause",           -3, rule,                            connection,   0,  0, 0, false, run_client_pause},
    {"client|reply",            3, quiet,                           connection,   0,  0, 0, false, run_client_reply},
    {"client|setinfo",          4, quiet,                           connection,   0,  0, 0, false, run_client_setinfo},
    {"client|setname",          3, quiet,                           connection,   0,  0, 0, false, run_client_setname},
    {"client|tracking",        -3, quiet,                           connection,   0,  0, 0, false, run_client_tracking},
    {"client|trackinginfo",     2, quiet,                           connection,   0,  0, 0, false, run_client_trackinginfo},
    {"client|unblock",         -3, rule,                            connection,   0,  0, 0, false, run_client_unblock},
    {"client|unpause",          2, rule,                            connection,   0,  0, 0, false, run_client_unpause},
    {"echo",                    2, any_time | flag_fast,            connection,   0,  0, 0, false, run_echo},
    {"hello",                  -1, talk | flag_no_auth,             connection,   0,  0, 0, false, run_hello},
    {"ping",                   -1, flag_fast | flag_subscriber,     connection,   0,  0, 0, false, run_ping},
    {"quit",                   -1, at_once | flag_no_auth | flag_subscriber, connection, 0, 0, 0, false, run_quit},
    {"reset",                   1, at_once | flag_alone | flag_no_auth | flag_subscriber, connection, 0, 0, 0, false, run_reset},
    {"select",                  2, any_time | flag_fast,            connection,   0,  0, 0, false, run_select},
    {"wait",                    3, flag_noscript,                   connection,   0,  0, 0, false, run_wait},
  });
}();

inline constexpr auto server_rows = [] {
  using namespace row_words;
  using enum command_group;
  return std::to_array<command_row>({
    {"command",                -1, any_time,                        server,       0,  0, 0, true,  run_command},
    {"command|count",           2, any_time,                        server,       0,  0, 0, false, run_command_count},
    {"command|docs",           -2, any_time,                        server,       0,  0, 0, false, run_command_docs},
    {"command|getkeys",        -4, any_time,                        server,       0,  0, 0, false, run_command_getkeys},
    {"command|getkeysandflags", -4, any_time,                       server,       0,  0, 0, false, run_command_getkeysandflags},
    {"command|help",            2, any_time,                        server,       0,  0, 0, false, run_help},
    {"command|info",           -2, any_time,                        server,       0,  0, 0, false, run_command_info},
    {"command|list",           -2, any_time,                        server,       0,  0, 0, false, run_command_list},
    {"config",                 -2, 0,                               server,       0,  0, 0, true,  nullptr},
    {"config|get",             -3, rule,                            server,       0,  0, 0, false, run_config_get},
    {"config|help",             2, any_time,                        server,       0,  0, 0, false, run_help},
    {"config|resetstat",        2, rule,                            server,       0,  0, 0, false, run_config_resetstat},
    {"config|rewrite",          2, rule,                            server,       0,  0, 0, false, run_config_rewrite},
    {"config|set",             -4, rule,                            server,       0,  0, 0, false, run_config_set},
    {"function",               -2, 0,                               scripting,    0,  0, 0, true,  nullptr},
    {"function|flush",         -2, flag_write | flag_noscript,      scripting,    0,  0, 0, false, run_function_flush},
    {"info",                   -1, any_time,                        server,       0,  0, 0, false, run_info},
    {"latency",                -2, 0,                               server,       0,  0, 0, true,  nullptr},
    {"latency|doctor",          2, rule,                            server,       0,  0, 0, false, run_latency_doctor},
    {"latency|help",            2, any_time,                        server,       0,  0, 0, false, run_help},
    {"latency|history",         3, rule,                            server,       0,  0, 0, false, run_latency_latest},
    {"latency|latest",          2, rule,                            server,       0,  0, 0, false, run_latency_latest},
    {"latency|reset",          -2, rule,                            server,       0,  0, 0, false, run_latency_reset},
    {"lolwut",                 -1, ask,                             server,       0,  0, 0, false, run_lolwut},
    {"role",                    1, talk,                            server,       0,  0, 0, false, run_role},
    {"shutdown",               -1, rule | flag_no_multi,            server,       0,  0, 0, false, run_shutdown},
    {"slowlog",                -2, 0,                               server,       0,  0, 0, true,  nullptr},
    {"slowlog|get",            -2, flag_admin | any_time,           server,       0,  0, 0, false, run_slowlog_get},
    {"slowlog|help",            2, any_time,                        server,       0,  0, 0, false, run_help},
    {"slowlog|len",             2, flag_admin | any_time,           server,       0,  0, 0, false, run_slowlog_len},
    {"slowlog|reset",           2, flag_admin | any_time,           server,       0,  0, 0, false, run_slowlog_reset},
    {"time",                    1, any_time | flag_fast,            server,       0,  0, 0, false, run_time},
  });
}();

inline constexpr auto key_rows = [] {
  using namespace row_words;
  using enum command_group;
  return std::to_array<command_row>({
    {"dbsize",                  1, ask | flag_alone,                             server,       0,  0, 0, false, run_dbsize},
    {"del",                    -2, flag_write,                      generic,      1, -1, 1, false, run_del},
    {"flushall",               -1, flag_write | flag_alone | flag_no_multi,                      server,       0,  0, 0, false, run_flushall},
    {"flushdb",                -1, flag_write | flag_alone | flag_no_multi,                      server,       0,  0, 0, false, run_flushall},
    {"keys",                    2, flag_readonly | flag_alone,                   generic,      0,  0, 0, false, run_keys},
    {"randomkey",               1, flag_readonly | flag_alone,                   generic,      0,  0, 0, false, run_randomkey},
    {"scan",                   -2, flag_readonly | flag_alone,                   generic,      0,  0, 0, false, run_scan},
    {"exists",                 -2, ask,                             generic,      1, -1, 1, false, run_exists},
    {"get",                     2, ask,                             string,       1,  1, 1, false, run_get},
    {"pttl",                    2, ask,                             generic,      1,  1, 1, false, run_pttl},
    {"set",                    -3, flag_write | flag_denyoom,       string,       1,  1, 1, false, run_set},
    {"ttl",                     2, ask,                             generic,      1,  1, 1, false, run_ttl},
  });
}();

inline constexpr auto transaction_rows = [] {
  using namespace row_words;
  constexpr auto group = command_group::transactions;
  constexpr std::uint32_t end = quiet | flag_skip_slowlog | flag_transaction | flag_alone | flag_may_replicate;
  return std::to_array<command_row>({
    {"discard",                 1, at_once | flag_alone,                         group,        0,  0, 0, false, run_discard},
    {"exec",                    1, end,                             group,        0,  0, 0, false, run_exec},
    {"multi",                   1, at_once,                         group,        0,  0, 0, false, run_multi},
    {"unwatch",                 1, talk | flag_alone,                            group,        0,  0, 0, false, run_unwatch},
    {"watch",                  -2, at_once,                         group,        1, -1, 1, false, run_watch},
  });
}();

inline constexpr auto cluster_rows = [] {
  using namespace row_words;
  constexpr auto group = command_group::cluster;
  return std::to_array<command_row>({
    {"asking",                  1, flag_fast,                       group,        0,  0, 0, false, run_asking},
    {"cluster",                -2, 0,                               group,        0,  0, 0, true,  nullptr},
    {"cluster|countkeysinslot", 3, flag_stale | flag_alone,                      group,        0,  0, 0, false, run_cluster_countkeysinslot},
    {"cluster|getkeysinslot",   4, flag_stale | flag_alone,                      group,        0,  0, 0, false, run_cluster_getkeysinslot},
    {"cluster|help",            2, any_time,                        group,        0,  0, 0, false, run_help},
    {"cluster|info",            2, flag_stale,                      group,        0,  0, 0, false, run_cluster_info},
    {"cluster|keyslot",         3, flag_stale,                      group,        0,  0, 0, false, run_cluster_keyslot},
    {"cluster|links",           2, flag_stale,                      group,        0,  0, 0, false, run_cluster_links},
    {"cluster|myid",            2, flag_stale,                      group,        0,  0, 0, false, run_cluster_myid},
    {"cluster|nodes",           2, flag_stale,                      group,        0,  0, 0, false, run_cluster_nodes},
    {"cluster|replicas",        3, flag_admin | flag_stale,         group,        0,  0, 0, false, run_cluster_replicas},
    {"cluster|reset",          -2, flag_admin | flag_noscript | flag_stale, group, 0, 0, 0, false, run_cluster_reset},
    {"cluster|shards",          2, flag_stale,                      group,        0,  0, 0, false, run_cluster_shards},
    {"cluster|slaves",          3, flag_admin | flag_stale,         group,        0,  0, 0, false, run_cluster_replicas},
    {"cluster|slots",           2, flag_stale,                      group,        0,  0, 0, false, run_cluster_slots},
    {"readonly",                1, any_time | flag_fast,            group,        0,  0, 0, false, run_readonly},
    {"readwrite",               1, any_time | flag_fast,            group,        0,  0, 0, false, run_readwrite},
  });
}();

inline constexpr auto pubsub_rows = [] {
  using namespace row_words;
  constexpr auto group = command_group::pubsub;
  constexpr std::uint32_t say = flag_pubsub | any_time | flag_fast | flag_may_replicate;
  constexpr std::uint32_t look = flag_pubsub | any_time;
  return std::to_array<command_row>({
    {"psubscribe",             -2, listen,                          group,        0,  0, 0, false, run_psubscribe},
    {"publish",                 3, say,                             group,        0,  0, 0, false, run_publish},
    {"pubsub",                 -2, 0,                               group,        0,  0, 0, true,  nullptr},
    {"pubsub|channels",        -2, look,                            group,        0,  0, 0, false, run_pubsub_channels},
    {"pubsub|help",             2, any_time,                        group,        0,  0, 0, false, run_help},
    {"pubsub|numpat",           2, look,                            group,        0,  0, 0, false, run_pubsub_numpat},
    {"pubsub|numsub",          -2, look,                            group,        0,  0, 0, false, run_pubsub_numsub},
    {"pubsub|shardchannels",   -2, look,                            group,        0,  0, 0, false, run_pubsub_shardchannels},
    {"pubsub|shardnumsub",     -2, look,                            group,        0,  0, 0, false, run_pubsub_shardnumsub},
    {"punsubscribe",           -1, listen,                          group,        0,  0, 0, false, run_punsubscribe},
    {"spublish",                3, say,                             group,        1,  1, 1, false, run_spublish},
    {"ssubscribe",             -2, listen,                          group,        1, -1, 1, false, run_ssubscribe},
    {"subscribe",              -2, listen,                          group,        0,  0, 0, false, run_subscribe},
    {"sunsubscribe",           -1, listen,                          group,        1, -1, 1, false, run_sunsubscribe},
    {"unsubscribe",            -1, listen,                          group,        0,  0, 0, false, run_unsubscribe},
  });
}();
// clang-format on

}  // namespace troupe::resp
