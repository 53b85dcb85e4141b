{{/* What cannot be: one sentence that says why and what to write instead. Rendered once, by workload.yaml. */}}

{{- define "ingora.refusals" -}}
{{- $c := .Values.controller }}
{{- if or .Values.tcp .Values.udp }}
{{- fail "tcp and udp: Ingora serves HTTP and TLS, not other TCP or UDP services. Take them out of the values; give each such service a Service of type LoadBalancer of its own" }}
{{- end }}
{{- $image := include "ingora.image" (dict "image" $c.image "registry" .Values.global.image.registry "version" .Chart.AppVersion) }}
{{- if or (contains "ingress-nginx" $image) (contains "nginx-ingress" $image) }}
{{- fail (printf "controller.image: %s is the image of ingress-nginx. Take controller.image out of the values, or name a copy of Ingora's image" $image) }}
{{- end }}
{{- if (default dict $c.customTemplate).configMapName }}
{{- fail "controller.customTemplate: there is no template in Ingora. Take it out of the values; docs/configmap.md and docs/annotations.md have the settings" }}
{{- end }}
{{- if $c.extraModules }}
{{- fail "controller.extraModules: Ingora loads no modules of nginx. Take them out of the values" }}
{{- end }}
{{- if $c.shareProcessNamespace }}
{{- fail "controller.shareProcessNamespace: the gateway, which faces the internet, would reach the token of sync. Take it out of the values" }}
{{- end }}
{{- $namespace := include "ingora.namespace" . }}
{{- if and $c.configMapNamespace (ne (toString $c.configMapNamespace) $namespace) }}
{{- fail (printf "controller.configMapNamespace: the ConfigMap is in the namespace of the release, %s. Take it out of the values" $namespace) }}
{{- end }}
{{- if and (eq (include "ingora.kind" .) "DaemonSet") (or $c.autoscaling.enabled $c.keda.enabled) }}
{{- fail "controller.autoscaling and controller.keda: a DaemonSet has as many Pods as there are nodes. Say controller.kind=Deployment" }}
{{- end }}
{{- include "ingora.refusedArguments" . }}
{{- include "ingora.ownedClasses" . }}
{{- end }}

{{- define "ingora.refusedArguments" -}}
{{- $known := include "ingora.syncFlags" . | fromYamlArray }}
{{- $ignored := include "ingora.ignoredFlags" . | fromYamlArray }}
{{- $refused := include "ingora.refusedFlags" . | fromYaml }}
{{- range $name, $value := .Values.controller.extraArgs }}
{{- if hasKey $refused $name }}
{{- fail (printf "controller.extraArgs.%s: %s" $name (get $refused $name)) }}
{{- end }}
{{- if not (or (has $name $known) (has $name $ignored)) }}
{{- fail (printf "controller.extraArgs.%s: neither Ingora nor ingress-nginx has such a flag; `ingora sync --help` lists Ingora's" $name) }}
{{- end }}
{{- end }}
{{- $known = include "ingora.gatewayFlags" . | fromYamlArray }}
{{- range $name, $value := .Values.controller.gateway.extraArgs }}
{{- if not (has $name $known) }}
{{- fail (printf "controller.gateway.extraArgs.%s: the gateway has no such flag; `ingora-gateway --help` lists them" $name) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Hooks of the gateway. The one of ingress-nginx is not needed: the gateway drains by itself. */}}
{{- define "ingora.lifecycle" -}}
{{- $hooks := deepCopy .Values.controller.lifecycle }}
{{- range $hook := list "preStop" "postStart" }}
{{- with get $hooks $hook }}
{{- if hasKey . "exec" }}
{{- if has "/wait-shutdown" (.exec.command | default list) }}
{{- $_ := unset $hooks $hook }}
{{- else }}
{{- fail (printf "controller.lifecycle.%s.exec: nothing can be executed, the image has no shell. To leave later, say controller.gateway.lameDuckSeconds" $hook) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with $hooks }}{{ toYaml . }}{{ end }}
{{- end }}

{{/* Helm's own words about a class of somebody else do not say what to do. */}}
{{- define "ingora.ownedClasses" -}}
{{- $class := .Values.controller.ingressClassResource }}
{{- if $class.enabled }}
{{- range $name := concat (list $class.name) $class.aliases }}
{{- with lookup "networking.k8s.io/v1" "IngressClass" "" $name }}
{{- $owner := get (.metadata.annotations | default dict) "meta.helm.sh/release-name" }}
{{- $there := get (.metadata.annotations | default dict) "meta.helm.sh/release-namespace" }}
{{- if or (ne $owner $.Release.Name) (ne $there $.Release.Namespace) }}
{{- fail (printf "controller.ingressClassResource: the IngressClass %s exists already and is not of this release (its controller is %s). To serve it, say controller.ingressClassResource.enabled=false and controller.ingressClassResource.controllerValue=%s; to run beside it, choose another name" $name .spec.controller .spec.controller) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
