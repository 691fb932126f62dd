add_library(troupe_sim_cluster STATIC cluster_process.cpp cluster_streams.cpp list_client.cpp queue_client.cpp shard_client.cpp simulated_leader_store.cpp simulated_log.cpp)
troupe_compile_options(troupe_sim_cluster)
target_link_libraries(troupe_sim_cluster PUBLIC troupe_sim troupe_runtime troupe_wire)
troupe_test(cluster_sim LABEL sim TIMEOUT 120 ROOMS runtime SOURCES cluster_founding_test.cpp cluster_membership_test.cpp
  cluster_replication_test.cpp cluster_scenarios_test.cpp LIBRARIES troupe_sim_cluster)
troupe_test(durability_sim LABEL sim TIMEOUT 300 ROOMS runtime SOURCES cluster_durability_test.cpp LIBRARIES troupe_sim_cluster)
troupe_test(leader_store_sim LABEL sim TIMEOUT 300 ROOMS runtime SOURCES leader_store_sim_test.cpp LIBRARIES troupe_sim_cluster)
troupe_test(lock_sim LABEL sim TIMEOUT 300 ROOMS runtime SOURCES lock_load.cpp lock_sim_test.cpp LIBRARIES troupe_sim_cluster)
