// The handlers behind the command table, by the file they stand in.
#pragma once

#include "gateways/resp/arguments.hpp"

namespace troupe::resp {

class connection;

// commands_connection.cpp
void run_auth(connection& c, const arguments& words);
void run_echo(connection& c, const arguments& words);
void run_hello(connection& c, const arguments& words);
void run_ping(connection& c, const arguments& words);
void run_quit(connection& c, const arguments& words);
void run_reset(connection& c, const arguments& words);
void run_select(connection& c, const arguments& words);
void run_wait(connection& c, const arguments& words);

// commands_client.cpp
void run_client_caching(connection& c, const arguments& words);
void run_client_getname(connection& c, const arguments& words);
void run_client_getredir(connection& c, const arguments& words);
void run_client_id(connection& c, const arguments& words);
void run_client_no_evict(connection& c, const arguments& words);
void run_client_no_touch(connection& c, const arguments& words);
void run_client_pause(connection& c, const arguments& words);
void run_client_reply(connection& c, const arguments& words);
void run_client_setinfo(connection& c, const arguments& words);
void run_client_setname(connection& c, const arguments& words);
void run_client_tracking(connection& c, const arguments& words);
void run_client_trackinginfo(connection& c, const arguments& words);
void run_client_unpause(connection& c, const arguments& words);

// commands_clients.cpp
void run_client_info(connection& c, const arguments& words);
void run_client_kill(connection& c, const arguments& words);
void run_client_list(connection& c, const arguments& words);
void run_client_unblock(connection& c, const arguments& words);

// commands_pubsub.cpp
void run_psubscribe(connection& c, const arguments& words);
void run_publish(connection& c, const arguments& words);
void run_pubsub_channels(connection& c, const arguments& words);
void run_pubsub_numpat(connection& c, const arguments& words);
void run_pubsub_numsub(connection& c, const arguments& words);
void run_pubsub_shardchannels(connection& c, const arguments& words);
void run_pubsub_shardnumsub(connection& c, const arguments& words);
void run_punsubscribe(connection& c, const arguments& words);
void run_spublish(connection& c, const arguments& words);
void run_ssubscribe(connection& c, const arguments& words);
void run_subscribe(connection& c, const arguments& words);
void run_sunsubscribe(connection& c, const arguments& words);
void run_unsubscribe(connection& c, const arguments& words);

// commands_strings.cpp
void run_get(connection& c, const arguments& words);
void run_set(connection& c, const arguments& words);

// commands_keys.cpp
void run_del(connection& c, const arguments& words);
void run_exists(connection& c, const arguments& words);
void run_pttl(connection& c, const arguments& words);
void run_ttl(connection& c, const arguments& words);

// commands_cluster.cpp
void run_asking(connection& c, const arguments& words);
void run_cluster_info(connection& c, const arguments& words);
void run_cluster_keyslot(connection& c, const arguments& words);
void run_cluster_links(connection& c, const arguments& words);
void run_cluster_myid(connection& c, const arguments& words);
void run_cluster_nodes(connection& c, const arguments& words);
void run_cluster_replicas(connection& c, const arguments& words);
void run_cluster_reset(connection& c, const arguments& words);
void run_cluster_shards(connection& c, const arguments& words);
void run_cluster_slots(connection& c, const arguments& words);
void run_readonly(connection& c, const arguments& words);
void run_readwrite(connection& c, const arguments& words);

// commands_keyspace.cpp
void run_cluster_countkeysinslot(connection& c, const arguments& words);
void run_cluster_getkeysinslot(connection& c, const arguments& words);
void run_dbsize(connection& c, const arguments& words);
void run_flushall(connection& c, const arguments& words);
void run_keys(connection& c, const arguments& words);
void run_randomkey(connection& c, const arguments& words);
void run_scan(connection& c, const arguments& words);

// commands_command.cpp
void run_command(connection& c, const arguments& words);
void run_command_count(connection& c, const arguments& words);
void run_command_docs(connection& c, const arguments& words);
void run_command_getkeys(connection& c, const arguments& words);
void run_command_getkeysandflags(connection& c, const arguments& words);
void run_command_info(connection& c, const arguments& words);
void run_command_list(connection& c, const arguments& words);

// commands_server.cpp
void run_config_get(connection& c, const arguments& words);
void run_config_resetstat(connection& c, const arguments& words);
void run_config_rewrite(connection& c, const arguments& words);
void run_config_set(connection& c, const arguments& words);
void run_function_flush(connection& c, const arguments& words);
void run_help(connection& c, const arguments& words);
void run_info(connection& c, const arguments& words);
void run_latency_doctor(connection& c, const arguments& words);
void run_latency_latest(connection& c, const arguments& words);
void run_latency_reset(connection& c, const arguments& words);
void run_lolwut(connection& c, const arguments& words);
void run_role(connection& c, const arguments& words);
void run_shutdown(connection& c, const arguments& words);
void run_slowlog_get(connection& c, const arguments& words);
void run_slowlog_len(connection& c, const arguments& words);
void run_slowlog_reset(connection& c, const arguments& words);
void run_time(connection& c, const arguments& words);

// commands_transactions.cpp
void run_discard(connection& c, const arguments& words);
void run_exec(connection& c, const arguments& words);
void run_multi(connection& c, const arguments& words);
void run_unwatch(connection& c, const arguments& words);
void run_watch(connection& c, const arguments& words);

}  // namespace troupe::resp
