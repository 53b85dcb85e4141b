//! Which port of a Service a backend means.

use crate::object::Service;
use crate::object::service::ServicePortSpec;
use ingora_config::ServicePort;

/// Finds the port: by number, by name, and, as in ingress-nginx, by what `targetPort` reads as. A port's own number or
/// name goes before any `targetPort`, whatever the order of the ports (ingress-nginx takes the first that fits in any
/// way, and so may send port 8080 to another port's Pods).
pub(super) fn find_port<'a>(service: &'a Service, port: &ServicePort) -> Option<&'a ServicePortSpec> {
    let mut ports = service.spec.ports.iter().filter(|spec| spec.is_tcp() && spec.port != 0);
    let text = match port {
        ServicePort::First => return ports.next(),
        ServicePort::Number(number) => number.to_string(),
        ServicePort::Name(name) if name.is_empty() => return None,
        ServicePort::Name(name) => name.clone(),
    };
    let by_own = |spec: &&ServicePortSpec| spec.name == text || spec.port.to_string() == text;
    let by_target =
        |spec: &&ServicePortSpec| spec.target_port.as_ref().is_some_and(|target| target.is(&text));
    ports.clone().find(by_own).or_else(|| ports.find(by_target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(ports: &serde_json::Value) -> Service {
        serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": {"ports": ports}})).unwrap()
    }

    #[test]
    fn a_port_is_found_by_number_name_and_target() {
        let service = service(&json!([
            {"name": "web", "port": 80, "targetPort": "http"},
            {"name": "admin", "port": 81, "targetPort": 9000},
            {"name": "quoted", "port": 82, "targetPort": "9001"},
        ]));
        let found = |port| find_port(&service, &port).map(|spec| spec.port);
        let name = |name: &str| ServicePort::Name(name.into());
        assert_eq!(found(ServicePort::Number(80)), Some(80));
        assert_eq!(found(name("admin")), Some(81));
        assert_eq!(found(name("http")), Some(80));
        assert_eq!(found(ServicePort::Number(9000)), Some(81));
        assert_eq!(found(ServicePort::Number(9001)), Some(82));
        assert_eq!(found(name("82")), Some(82));
        assert_eq!(found(ServicePort::First), Some(80));
        assert_eq!(found(ServicePort::Number(83)), None);
        assert_eq!(found(name("")), None);
    }

    #[test]
    fn a_ports_own_number_goes_before_another_ports_target() {
        let service =
            service(&json!([{"name": "a", "port": 80, "targetPort": 8080}, {"name": "b", "port": 8080}]));
        assert_eq!(find_port(&service, &ServicePort::Number(8080)).unwrap().name, "b");
    }

    #[test]
    fn only_tcp_ports_are_found() {
        let service =
            service(&json!([{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "tcp", "port": 53}]));
        assert_eq!(find_port(&service, &ServicePort::Number(53)).unwrap().name, "tcp");
        assert_eq!(find_port(&service, &ServicePort::First).unwrap().name, "tcp");
    }
}
