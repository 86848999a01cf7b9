// Regular nodes and Guaranteed pods, for tests and benchmarks of admission.
#pragma once

#include <string>
#include <vector>

#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/node_spec.h"
#include "harness/kubelet/api/pod.h"
#include "harness/kubelet/cpu_manager/uniform_machine.h"

namespace nodeproof::admit {

// A node of that shape, with the same amount of memory on each NUMA node.
inline kubelet::NodeSpec UniformNode(const cpu_manager::MachineShape& shape,
                                     int64_t memory_of_numa_node) {
  kubelet::NodeSpec node;
  for (const cpu_manager::CpuPlace& place : cpu_manager::UniformMachine(shape)) {
    node.cpus.push_back({place.cpu, place.core, place.socket, place.numa, place.uncore});
  }
  const int numa_nodes = shape.sockets * shape.numa_per_socket;
  for (int id = 0; id < numa_nodes; ++id) {
    kubelet::NodeNumaNode numa{id, memory_of_numa_node, {}, {}};
    for (int to = 0; to < numa_nodes; ++to) {
      const bool same_socket = id / shape.numa_per_socket == to / shape.numa_per_socket;
      numa.distances.push_back(id == to ? 10 : same_socket ? 12 : 32);
    }
    node.numa_nodes.push_back(std::move(numa));
    node.memory_bytes += memory_of_numa_node;
  }
  return node;
}

// The static policy with one CPU reserved, and nothing else set up.
inline kubelet::KubeletConfiguration StaticCpus() {
  kubelet::KubeletConfiguration config;
  config.cpu_manager_policy = "static";
  config.kube_reserved["cpu"] = kubelet::Quantity::FromUnits(1);
  return config;
}

// The Memory Manager's static policy on NUMA nodes 0 to n-1, with `bytes` of each reserved.
inline void AddStaticMemory(kubelet::KubeletConfiguration& config, int numa_nodes, int64_t bytes) {
  config.memory_manager_policy = "Static";
  config.eviction_hard = {{"memory.available", "0%"}};
  config.kube_reserved["memory"] = kubelet::Quantity::FromBytes(bytes * numa_nodes);
  for (int node = 0; node < numa_nodes; ++node) {
    config.reserved_memory.push_back({node, {{"memory", kubelet::Quantity::FromBytes(bytes)}}});
  }
}

// A container whose limits are its requests; "" leaves a resource out.
inline kubelet::Container ContainerWith(std::string name, const std::string& cpu,
                                        const std::string& memory) {
  kubelet::Container container;
  container.name = std::move(name);
  if (!cpu.empty()) container.requests()["cpu"] = *kubelet::Quantity::Parse(cpu);
  if (!memory.empty()) container.requests()["memory"] = *kubelet::Quantity::Parse(memory);
  container.limits() = container.requests();
  return container;
}

inline kubelet::Pod PodWith(std::string uid, std::vector<kubelet::Container> containers,
                            std::vector<kubelet::Container> init_containers = {}) {
  kubelet::Pod pod;
  pod.uid = pod.name = std::move(uid);
  pod.containers = std::move(containers);
  pod.init_containers = std::move(init_containers);
  return pod;
}

}  // namespace nodeproof::admit
