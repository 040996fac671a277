variable "region" {
  description = "Where everything is, for example eu-west-3 (Paris)."
  type        = string
  default     = "eu-west-3"
}

variable "environment" {
  description = "A name for this installation; part of every resource's name."
  type        = string
  default     = "production"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}$", var.environment))
    error_message = "Expected 2 to 21 lower-case letters, digits and hyphens."
  }
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "subnet_id" {
  description = "A public subnet of the network, for the machine."
  type        = string
}

variable "database_subnet_ids" {
  description = "Two subnets of the network or more, in different zones, for PostgreSQL."
  type        = list(string)
  validation {
    condition     = length(var.database_subnet_ids) >= 2
    error_message = "Expected two subnets or more."
  }
}

variable "operator_cidrs" {
  description = "Addresses from which operators use SSH, as networks: [\"203.0.113.7/32\"]."
  type        = list(string)
  validation {
    condition     = length(var.operator_cidrs) > 0 && !contains(var.operator_cidrs, "0.0.0.0/0") && alltrue([for c in var.operator_cidrs : can(cidrnetmask(c))])
    error_message = "Expected IPv4 networks, and not the whole internet."
  }
}

variable "key_name" {
  description = "Name of an EC2 key pair, for SSH."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket to make; unique in the world."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{2,62}$", var.bucket))
    error_message = "Expected 3 to 63 lower-case letters, digits and hyphens."
  }
}

variable "contact" {
  description = "Mail address that Let's Encrypt writes to before a certificate ends."
  type        = string
  validation {
    condition     = can(regex("^[^@[:space:]]+@[^@[:space:]]+$", var.contact))
    error_message = "Expected a mail address."
  }
}

variable "instance_type" {
  description = "Type of the machine: five families, two pods each, need 4 CPUs and 16 GiB."
  type        = string
  default     = "m7i.xlarge"
}

variable "database_class" {
  description = "Class of PostgreSQL."
  type        = string
  default     = "db.t4g.micro"
}
