# One machine with k3s, its address, its PostgreSQL, its bucket and the one role that may use it. See README.md.

terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.80"
    }
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { project = "vigie", environment = var.environment }
  }
}

data "aws_ssm_parameter" "debian" {
  name = "/aws/service/debian/release/12/latest/amd64"
}

data "aws_vpc" "this" {
  id = var.vpc_id
}

locals {
  name = "vigie-${var.environment}"
}

resource "aws_security_group" "machine" {
  name        = "${local.name}-machine"
  description = "Vigie: SSH for its operators, HTTP and HTTPS for everybody"
  vpc_id      = data.aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  for_each          = toset(var.operator_cidrs)
  security_group_id = aws_security_group.machine.id
  description       = "SSH of an operator"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

resource "aws_vpc_security_group_ingress_rule" "web" {
  #checkov:skip=CKV_AWS_260:port 80 answers Let's Encrypt and sends everybody else to 443
  for_each          = toset(["80", "443"])
  security_group_id = aws_security_group.machine.id
  description       = "HTTP is redirected to HTTPS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.value)
  to_port           = tonumber(each.value)
}

resource "aws_vpc_security_group_egress_rule" "machine" {
  security_group_id = aws_security_group.machine.id
  description       = "Images, S3, mail; the cluster's network policies say which pod may go where"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_instance" "machine" {
  #checkov:skip=CKV_AWS_88:it is the front door; only 22, 80 and 443 are open
  ami                    = data.aws_ssm_parameter.debian.value
  instance_type          = var.instance_type
  subnet_id              = var.subnet_id
  vpc_security_group_ids = [aws_security_group.machine.id]
  iam_instance_profile   = aws_iam_instance_profile.machine.name
  key_name               = var.key_name
  ebs_optimized          = true
  monitoring             = true
  user_data = templatefile("${path.module}/cloud-init.yaml", {
    contact = var.contact
    bucket  = aws_s3_bucket.this.bucket
  })
  user_data_replace_on_change = false

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 2 # the registry's pod fetches the role's credentials through one hop more
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 60
    encrypted   = true
  }

  lifecycle {
    ignore_changes = [ami] # a new image must not replace the machine by itself: README.md, Upgrade
  }
}

resource "aws_eip" "machine" {
  instance = aws_instance.machine.id
  domain   = "vpc"
}

resource "aws_security_group" "database" {
  name        = "${local.name}-database"
  description = "Vigie: PostgreSQL for the machine only"
  vpc_id      = data.aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  description                  = "PostgreSQL from the machine"
  referenced_security_group_id = aws_security_group.machine.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_subnet_group" "this" {
  name       = local.name
  subnet_ids = var.database_subnet_ids
}

resource "aws_db_parameter_group" "this" {
  name   = local.name
  family = "postgres15"
  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
  parameter {
    name  = "log_statement"
    value = "ddl"
  }
  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_157:one zone is what this size of installation pays for; the restore drill says how long a loss takes
  #checkov:skip=CKV_AWS_118:enhanced monitoring costs as much as the database
  #checkov:skip=CKV_AWS_353:performance insights are not offered for this class
  identifier                      = local.name
  engine                          = "postgres"
  engine_version                  = "15" # no newer than the pg_dump of the machine's Debian, which refuses what it does not know
  instance_class                  = var.database_class
  allocated_storage               = 20
  max_allocated_storage           = 100
  storage_type                    = "gp3"
  storage_encrypted               = true
  username                        = "postgres" # for an operator; its password changes every week, Vigie logs in as a role of its own
  manage_master_user_password     = true
  parameter_group_name            = aws_db_parameter_group.this.name
  db_subnet_group_name            = aws_db_subnet_group.this.name
  vpc_security_group_ids          = [aws_security_group.database.id]
  publicly_accessible             = false
  backup_retention_period         = 14
  copy_tags_to_snapshot           = true
  auto_minor_version_upgrade      = true
  deletion_protection             = true
  skip_final_snapshot             = false
  final_snapshot_identifier       = "${local.name}-final"
  enabled_cloudwatch_logs_exports = ["postgresql", "upgrade"]

  iam_database_authentication_enabled = true
}
